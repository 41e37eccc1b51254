// The gate, written from docs/contract.md ("A step", point 3) for the proof in sim/formal.py; its circuit is rtl/gate.py.
//
// A draw takes one word and opens iff its low GATE_BITS bits are below T. PER_TRIAL = 1: a draw for each of n trials;
// PER_TRIAL = 0: one draw, which lets n trials pass or none. An open trial is a handshake of `token`.
module model #(
    parameter GATE_BITS = 16,
    parameter PER_TRIAL = 1
) (
    input                clk,
    input                rst,
    input                start,
    input  [31:0]        trials,
    input  [GATE_BITS:0] threshold,
    input                row__valid,
    input  [31:0]        row__payload,
    input                token_ready,
    output               want_row__ready,
    output               want_token_valid,
    output               want_busy,
    input  [31:0]        rtl_remaining,
    input                rtl_deciding,
    output               related
);
    reg [31:0] left = 0;       // trials without a decision (PER_TRIAL), or not yet let through
    reg        undecided = 0;  // the one draw of the step is still to come

    // Shifting both to the top cuts off the bits that are not drawn; T is one bit wider, so that it can be 2^GATE_BITS.
    wire [31:0] draw = row__payload << (32 - GATE_BITS);
    wire [32:0] bound = {32'd0, threshold} << (32 - GATE_BITS);
    wire        opens = !({1'b0, draw} >= bound);

    wire word_wanted = PER_TRIAL ? left != 0 && !(opens && !token_ready) : undecided;
    wire word_taken = row__valid && word_wanted;
    wire offered = PER_TRIAL ? left != 0 && row__valid && opens : left != 0 && !undecided;

    assign want_row__ready = word_wanted;
    assign want_token_valid = offered;
    assign want_busy = left != 0 || undecided;

    always @(posedge clk)
        if (rst) begin
            left <= 0;
            undecided <= 0;
        end else if (!want_busy) begin
            if (start) begin
                left <= trials;
                undecided <= !PER_TRIAL;
            end
        end else if (PER_TRIAL) begin
            left <= left - {31'd0, word_taken};
        end else if (undecided) begin
            undecided <= !word_taken;
            left <= word_taken && !opens ? 32'd0 : left;
        end else begin
            left <= left - {31'd0, token_ready};
        end

    assign related = left == rtl_remaining && undecided == (PER_TRIAL ? 1'b0 : rtl_deciding);
endmodule
