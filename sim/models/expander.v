// The expansion of the seed, written from docs/contract.md ("Seeding") and the paper on Speck (IACR 2013/404) for the
// proof in sim/formal.py; the circuit is rtl/prng.py.
//
// One counter says everything: which state word is next, and how far its 22 rounds are (clock 0 loads, 1..22 are rounds,
// 23 hands the word over).
module model #(
    parameter WORDS = 4,    // of a generator
    parameter STREAMS = 0,  // their numbers, 8 bits each, the first in the low bits
    parameter LANES = 0,    // their generators, 16 bits each; 0 ends the list
    parameter TOTAL = 0     // generators of all streams
) (
    input         clk,
    input         rst,
    input         start,
    input  [63:0] seed,
    output        want_busy,
    output [31:0] want_word,
    output        want_strobe,
    input         rtl_last,
    input  [15:0] rtl_lane,
    input  [7:0]  rtl_stream,
    input  [1:0]  rtl_fsm_state,
    input  [7:0]  rtl_j,
    input  [15:0] rtl_lane_now,
    input  [7:0]  rtl_stream_now,
    input  [4:0]  rtl_index,
    input  [63:0] rtl_key,
    output        related
);
    reg        busy = 0;
    reg [9:0]  number = 0;
    reg [4:0]  clock = 0;
    reg [15:0] x = 0, y = 0;
    reg [15:0] k = 0, l0 = 0, l1 = 0, l2 = 0;

    // Word `number` counted over the lanes of one stream after the other.
    wire [7:0]  j = number % WORDS;
    wire [63:0] streams = STREAMS, lanes = LANES;
    reg  [15:0] lane;
    reg  [7:0]  stream;
    integer     place, passed;
    always @* begin
        lane = 0;
        stream = 0;
        passed = 0;
        for (place = 0; place < 4; place = place + 1) begin
            if (number / WORDS >= passed && number / WORDS < passed + lanes[16*place +: 16]) begin
                lane = number / WORDS - passed;
                stream = streams[8*place +: 8];
            end
            passed = passed + lanes[16*place +: 16];
        end
    end
    wire [31:0] block = {stream, lane, j};

    // One Speck round: (x, y) -> ((x >>> 7) + y ^ k, (y <<< 2) ^ new x).
    function [31:0] round(input [15:0] x, input [15:0] y, input [15:0] k);
        reg [15:0] left;
        begin
            left = ({x[6:0], x[15:7]} + y) ^ k;
            round = {left, {y[13:0], y[15:14]} ^ left};
        end
    endfunction

    wire [4:0]  i = clock - 5'd1;
    wire [31:0] scheduled = round(l0, k, {11'd0, i});

    always @(posedge clk)
        if (rst) begin
            {busy, number, clock} <= 0;
            {x, y, k, l0, l1, l2} <= 0;
        end else if (!busy) begin
            busy <= start;
            number <= start ? 10'd0 : number;
            clock <= start ? 5'd0 : clock;
        end else begin
            clock <= clock == 23 ? 5'd0 : clock + 5'd1;
            if (clock == 0) begin
                {x, y} <= block;
                {l2, l1, l0, k} <= seed;
            end else if (clock <= 22) begin
                {x, y} <= round(x, y, k);
                {l2, l1, l0, k} <= {scheduled[31:16], l2, l1, scheduled[15:0]};
            end else begin
                busy <= number != WORDS * TOTAL - 1;
                number <= number + 10'd1;
            end
        end

    assign want_busy = busy;
    assign want_word = {x, y};
    assign want_strobe = busy && clock == 23;

    // The circuit's registers as this state sees them: 0 idle, 1 load, 2 round, 3 emit.
    wire [1:0] phase = !busy ? 2'd0 : clock == 0 ? 2'd1 : clock <= 22 ? 2'd2 : 2'd3;
    assign related = rtl_fsm_state == phase && rtl_key == {l2, l1, l0, k} && clock <= 23 && number <= WORDS * TOTAL
        && (!busy || (number < WORDS * TOTAL && rtl_j == j && rtl_lane_now == lane && rtl_stream_now == stream))
        && (phase != 2 || rtl_index == i)
        && (!want_strobe || (rtl_last == (j == WORDS - 1) && rtl_lane == lane && rtl_stream == stream));
endmodule
