// What the accumulator with several reads under way owes to each single weight, written from docs/contract.md ("A step",
// point 6) and the documented ports of rtl/accumulator.py, for the proof in sim/formal.py.
//
// One weight, at an address the solver is free to choose, is followed through the memory and through the sequential
// meaning of its trials: each moves it by one, or is lost at a rail. Whenever its read comes back, what is written must be
// what all its accepted trials make of it, one after the other. Nothing here knows that the circuit keeps a ring.
module model #(
    parameter WEIGHT_BITS = 8,
    parameter INDEX_BITS = 4,
    parameter PENDING = 4,
    parameter POINTER_BITS = 2
) (
    input                               clk,
    input                               rst,
    input                               trials__valid,
    input  [INDEX_BITS:0]               trials__payload,
    input                               rtl_trials__ready,
    input                               rtl_read__valid,
    input  [INDEX_BITS-1:0]             rtl_read__payload,
    input                               read__ready,
    input                               read_data__valid,
    input  signed [WEIGHT_BITS-1:0]     read_data__payload,
    input                               rtl_read_data__ready,
    input                               rtl_write__valid,
    input  [WEIGHT_BITS+INDEX_BITS-1:0] rtl_write__payload,
    input                               write__ready,
    input  [2:0]                        rtl_lost,
    output                              want_busy,
    input  [PENDING-1:0]                rtl_used,
    input  [PENDING-1:0]                rtl_negative,
    input  [3*PENDING-1:0]              rtl_count,
    input  [INDEX_BITS*PENDING-1:0]     rtl_index,
    input  [POINTER_BITS-1:0]           rtl_head,
    input  [POINTER_BITS-1:0]           rtl_tail,
    output                              related
);
    localparam signed [39:0] TOP = (40'sd1 <<< (WEIGHT_BITS - 1)) - 40'sd1;
    localparam signed [39:0] BOTTOM = -(40'sd1 <<< (WEIGHT_BITS - 1));

    reg        [INDEX_BITS-1:0]  chosen;      // no initial value: any address, and the same one for ever
    reg signed [WEIGHT_BITS-1:0] stored;      // the weight in the memory
    reg signed [WEIGHT_BITS-1:0] reached = 0; // the weight after all its accepted trials, while some wait
    reg        [2:0]             waiting = 0; // its accepted trials that are not in the memory
    reg        [2:0]             lost = 0;    // those of them lost at a rail
    reg                          up = 0;
    reg        [7:0]             under_way = 0;  // reads of all weights without their answer
    reg        [7:0]             ahead = 0;      // those of them that are answered before the chosen weight's

    wire hit = trials__valid && trials__payload[INDEX_BITS-1:0] == chosen;
    wire direction = trials__payload[INDEX_BITS];
    wire accepted = trials__valid && rtl_trials__ready;
    wire issued = rtl_read__valid && read__ready;
    wire written = rtl_write__valid && write__ready;
    wire its_turn = waiting != 0 && ahead == 0;
    wire [INDEX_BITS-1:0]         address = rtl_write__payload[INDEX_BITS-1:0];
    wire signed [WEIGHT_BITS-1:0] data = rtl_write__payload >> INDEX_BITS;

    // The environment: answers come to requests only, in order, with what was written last; all trials of a weight that
    // can wait together go one way, as they do within a step.
    always @* begin
        assume (under_way != 0 || !read_data__valid);
        assume (!(read_data__valid && its_turn) || read_data__payload == stored);
        assume (!(hit && waiting != 0) || direction == up);
    end

    // The chosen weight with the trial of this clock, if there is one.
    wire signed [39:0] before = waiting != 0 ? reached : stored;
    wire               at_rail = before == (direction ? TOP : BOTTOM);
    wire signed [39:0] stepped = at_rail ? before : direction ? before + 40'sd1 : before - 40'sd1;
    wire               counts = accepted && hit;
    wire signed [39:0] now = counts ? stepped : before;
    wire [2:0]         now_lost = (waiting != 0 ? lost : 3'd0) + (counts && at_rail);
    wire [2:0]         now_waiting = waiting + counts;

    always @(posedge clk)
        if (rst) begin
            waiting <= 0;
            under_way <= 0;
        end else begin
            under_way <= under_way + issued - written;
            reached <= now;
            lost <= now_lost;
            if (counts) up <= direction;
            waiting <= written && its_turn ? 3'd0 : now_waiting;
            if (written && its_turn) stored <= data;
            if (counts && waiting == 0) ahead <= under_way - written;
            else if (written) ahead <= ahead - 8'd1;
        end
    always @(posedge clk) chosen <= chosen;

    wire fair_to_trials = !hit
        || (waiting != 0 ? rtl_trials__ready == (waiting != 7) && !rtl_read__valid
                         : rtl_read__valid == (under_way != PENDING) && rtl_trials__ready == (issued && hit));
    wire sound_reads = (!rtl_read__valid || (trials__valid && rtl_read__payload == trials__payload[INDEX_BITS-1:0]))
        && (!issued || accepted);
    wire sound_writes = rtl_write__valid == read_data__valid && rtl_read_data__ready == write__ready
        && (!rtl_write__valid || (address == chosen) == its_turn)
        && (!(written && its_turn) || (data == now && rtl_lost == now_lost))
        && (written || rtl_lost == 0);
    assign want_busy = under_way != 0;

    // Where the circuit keeps what is waiting: PENDING entries, filled in turn.
    integer               i;
    reg                   ring;
    reg [POINTER_BITS:0]  slot;
    always @* begin
        ring = under_way <= PENDING && rtl_head < PENDING && rtl_tail < PENDING;
        ring = ring && (rtl_head + under_way) % PENDING == rtl_tail;
        for (i = 0; i < PENDING; i = i + 1) begin
            slot = rtl_head + i >= PENDING ? rtl_head + i - PENDING : rtl_head + i;
            ring = ring && rtl_used[slot] == (i < under_way);
            if (i < under_way) begin
                ring = ring && (rtl_index[INDEX_BITS*slot +: INDEX_BITS] == chosen) == (waiting != 0 && ahead == i);
                if (waiting != 0 && ahead == i)
                    ring = ring && rtl_negative[slot] == up && rtl_count[3*slot +: 3] == waiting;
            end
        end
    end

    // What has been reached follows from what is stored; without this the induction could start from any pair.
    wire signed [39:0] wanted = up ? stored + $signed({1'b0, waiting}) : stored - $signed({1'b0, waiting});
    wire signed [39:0] kept = wanted > TOP ? TOP : wanted < BOTTOM ? BOTTOM : wanted;
    wire        [39:0] beyond = up ? wanted - kept : kept - wanted;
    wire consistent = waiting == 0 || (ahead < under_way && reached == kept && lost == beyond);

    assign related = ring && consistent && fair_to_trials && sound_reads && sound_writes;
endmodule
