// What the accumulator owes to each single weight, written from docs/contract.md ("A step", point 6) and the documented
// ports of rtl/accumulator.py, for the proof in sim/formal.py.
//
// One weight, at an address the solver is free to choose, is followed through the memory: a trial that is accepted for it
// is read once, when no other one of it is under way, and what is written is that weight a step further, or still at its
// rail. All other trials are read and written in their order.
module model #(
    parameter WEIGHT_BITS = 8,
    parameter INDEX_BITS = 4,
    parameter COMPARED_BITS = 4,
    parameter PENDING = 4
) (
    input                               clk,
    input                               rst,
    input                               trials__valid,
    input  [INDEX_BITS:0]               trials__payload,
    output                              want_trials__ready,
    input                               rtl_read__valid,
    input  [INDEX_BITS-1:0]             rtl_read__payload,
    input                               read__ready,
    input                               read_data__valid,
    input  [WEIGHT_BITS-1:0]            read_data__payload,
    input                               rtl_read_data__ready,
    input                               rtl_write__valid,
    input  [WEIGHT_BITS+INDEX_BITS-1:0] rtl_write__payload,
    input                               write__ready,
    input                               rtl_lost,
    output                              want_busy,
    input  [INDEX_BITS:0]               rtl_trial,
    input                               rtl_held,
    input  [PENDING-1:0]                rtl_after,
    input  [(INDEX_BITS+1)*PENDING-1:0] rtl_recent,
    input  [PENDING-1:0]                rtl_unwritten,
    input  [PENDING-1:0]                rtl_unanswered,
    input  [WEIGHT_BITS-1:0]            rtl_weight,
    input                               rtl_arrived,
    input  [INDEX_BITS:0]               rtl_mover,
    input                               rtl_rail,
    output                              related
);
    reg [INDEX_BITS-1:0]  chosen;      // no initial value: any address, and the same one for ever
    reg [WEIGHT_BITS-1:0] stored;      // the weight in the memory
    reg                   queued = 0;  // a trial waits for its read
    reg [INDEX_BITS:0]    first = 0;   // which
    reg [3:0]             under_way = 0; // reads without a write
    reg [1:0]             answered = 0;  // those of them with an answer: the oldest ones
    reg                   going = 0;   // the chosen weight is under way
    reg                   up = 0;
    reg [3:0]             ahead = 0;   // those written before it

    wire issued = rtl_read__valid && read__ready;
    wire arrives = read_data__valid && rtl_read_data__ready;
    wire written = rtl_write__valid && write__ready;
    wire its_turn = going && ahead == 0;

    // Answers come to requests only, in order, with what was written last.
    always @* begin
        assume (under_way > answered || !read_data__valid);
        assume (!(read_data__valid && going && ahead == answered) || read_data__payload == stored);
    end

    assign want_trials__ready = !queued || issued;
    assign want_busy = queued || under_way != 0;
    wire taken = trials__valid && want_trials__ready;

    // The rail in the direction of travel: 0111...1 going up, 1000...0 going down.
    wire                   stuck = stored == {!up, {(WEIGHT_BITS - 1){up}}};
    wire [WEIGHT_BITS-1:0] moved = stuck ? stored : up ? stored + 1'd1 : stored - 1'd1;
    wire [INDEX_BITS-1:0]  address = rtl_write__payload[INDEX_BITS-1:0];
    wire [WEIGHT_BITS-1:0] data = rtl_write__payload >> INDEX_BITS;

    always @(posedge clk)
        if (rst) begin
            {queued, under_way, answered, going} <= 0;
        end else begin
            queued <= taken || queued && !issued;
            if (taken) first <= trials__payload;
            under_way <= under_way + issued - written;
            answered <= answered + arrives - written;
            if (issued && first[INDEX_BITS-1:0] == chosen) begin
                going <= 1;
                up <= first[INDEX_BITS];
                ahead <= under_way - written;
            end else if (written && its_turn) going <= 0;
            else if (written) ahead <= ahead - 4'd1;
            if (written && its_turn) stored <= data;
        end
    always @(posedge clk) chosen <= chosen;

    // What the circuit asks for and writes.
    wire asks = !rtl_read__valid
        || queued && rtl_read__payload == first[INDEX_BITS-1:0] && !(going && first[INDEX_BITS-1:0] == chosen);
    wire writes = !rtl_write__valid || (its_turn ? address == chosen && data == moved : address != chosen);
    wire loses = rtl_lost == (written && rtl_rail) && (!(rtl_write__valid && its_turn) || rtl_rail == stuck);

    // Its places, the newest first; `place` is that of the chosen weight.
    wire [3:0] place = under_way - 4'd1 - ahead;
    integer i;
    reg     places;
    always @* begin
        places = 1;
        for (i = 0; i < PENDING; i = i + 1) begin
            if (rtl_unwritten[i] != (i < under_way) || rtl_unanswered[i] != (i + answered < under_way)) places = 0;
            if (i < under_way) begin
                if (going && place == i) begin
                    if (rtl_recent[(INDEX_BITS+1)*i +: INDEX_BITS+1] != {up, chosen}) places = 0;
                end else if (rtl_recent[(INDEX_BITS+1)*i +: INDEX_BITS] == chosen) places = 0;
                if (queued && rtl_after[i]
                    != (rtl_recent[(INDEX_BITS+1)*i +: COMPARED_BITS] == first[COMPARED_BITS-1:0])) places = 0;
                if (rtl_write__valid && under_way == i + 1
                    && address != rtl_recent[(INDEX_BITS+1)*i +: INDEX_BITS]) places = 0;
                if (rtl_arrived && under_way == i + 1 + rtl_write__valid
                    && rtl_mover != rtl_recent[(INDEX_BITS+1)*i +: INDEX_BITS+1]) places = 0;
            end
        end
    end
    wire came = answered == rtl_arrived + rtl_write__valid && answered <= under_way && under_way <= PENDING;
    wire known = !(rtl_arrived && going && ahead == rtl_write__valid) || rtl_weight == stored;
    assign related = rtl_held == queued && (!queued || rtl_trial == first) && (!going || ahead < under_way)
        && asks && writes && loses && places && came && known;
endmodule
