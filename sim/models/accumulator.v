// The accumulator with one read under way, written from docs/contract.md ("A step", point 6) and the documented ports of
// rtl/accumulator.py, for the proof in sim/formal.py. With more reads under way: accumulator_pending.v.
//
// A trial starts a read and occupies the circuit until its weight comes back one step further, or still at its rail.
module model #(
    parameter WEIGHT_BITS = 8,
    parameter INDEX_BITS = 4
) (
    input                               clk,
    input                               rst,
    input                               trials__valid,
    input  [INDEX_BITS:0]               trials__payload,
    output                              want_trials__ready,
    output                              want_read__valid,
    output [INDEX_BITS-1:0]             want_read__payload,
    input                               read__ready,
    input                               read_data__valid,
    input  [WEIGHT_BITS-1:0]            read_data__payload,
    output                              want_read_data__ready,
    output                              want_write__valid,
    input  [WEIGHT_BITS+INDEX_BITS-1:0] rtl_write__payload,
    input                               write__ready,
    output                              want_lost,
    output                              want_busy,
    input                               rtl_used,
    input                               rtl_negative,
    input                               rtl_count,
    input  [INDEX_BITS-1:0]             rtl_index,
    output                              related
);
    reg                  waiting = 0;
    reg                  up = 0;
    reg [INDEX_BITS-1:0] place = 0;

    // Answers come only to requests.
    always @* assume (waiting || !read_data__valid);

    // The rail in the direction of travel: 0111...1 going up, 1000...0 going down.
    wire                   stuck = read_data__payload == {!up, {(WEIGHT_BITS - 1){up}}};
    wire [WEIGHT_BITS-1:0] moved = up ? read_data__payload + 1'd1 : read_data__payload - 1'd1;
    wire [WEIGHT_BITS-1:0] updated = stuck ? read_data__payload : moved;

    assign want_read__valid = trials__valid && !waiting;
    assign want_read__payload = trials__payload[INDEX_BITS-1:0];
    assign want_trials__ready = read__ready && !waiting;
    assign want_write__valid = read_data__valid;
    assign want_read_data__ready = write__ready;
    assign want_lost = read_data__valid && write__ready && stuck;
    assign want_busy = waiting;

    always @(posedge clk)
        if (rst) begin
            waiting <= 0;
        end else if (waiting) begin
            waiting <= !(read_data__valid && write__ready);
        end else if (trials__valid && read__ready) begin
            waiting <= 1;
            {up, place} <= trials__payload;
        end

    assign related = waiting == rtl_used
        && (!waiting || (rtl_index == place && rtl_negative == up && rtl_count))
        && (!read_data__valid || rtl_write__payload == {updated, place});
endmodule
