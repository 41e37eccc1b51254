// A binomial number, written from docs/contract.md ("sampler = split", Binomial) for the proof in sim/formal.py; its
// circuit is `Binomial` in rtl/binomial.py.
//
// A round is kept as the contract has it: its undecided trials, how many of them have seen their bit, and the ones among
// those. The circuit instead counts down what is left, and ones and zeros apart.
module model #(
    parameter WIDTH = 8,
    parameter LANES = 1,
    parameter POSITION_BITS = 1
) (
    input                          clk,
    input                          rst,
    input                          start,
    input  [31:0]                  trials,
    input  [WIDTH-1:0]             a,
    input  [WIDTH-1:0]             b,
    input                          certain,
    output                         want_done,
    output [31:0]                  want_successes,
    input                          row__valid,
    input  [32*LANES-1:0]          row__payload,
    output                         want_row__ready,
    input                          align,
    input                          switch,
    input  [POSITION_BITS-1:0]     taken_before,
    output [POSITION_BITS-1:0]     want_position,
    input  [WIDTH-1:0]             rtl_remainder,
    input  [WIDTH-1:0]             rtl_divisor,
    input  [31:0]                  rtl_left,
    input  [31:0]                  rtl_ones,
    input  [31:0]                  rtl_zeros,
    input  [31:0]                  rtl_decided,
    input  [31:0]                  rtl_latest,
    output                         related
);
    reg [WIDTH-1:0] r = 0;
    reg [WIDTH-1:0] divisor = 0;
    reg [31:0]      undecided = 0;
    reg [31:0]      seen = 0;       // trials of the round that have their bit
    reg [31:0]      ones = 0;
    reg [31:0]      successes = 0;
    reg [7:0]       position = 0;   // words of the row that are gone

    assign want_done = undecided == 0 || r == 0;
    assign want_successes = successes;
    assign want_position = position;

    always @* begin
        assume (!start || (certain ? a == b : a < b));
        assume (want_done || !(align || switch));
        assume (LANES > 1 || taken_before == 0);
    end

    function [5:0] count(input [31:0] word);
        reg [31:0] x;
        begin
            x = (word & 32'h55555555) + (word >> 1 & 32'h55555555);
            x = (x & 32'h33333333) + (x >> 2 & 32'h33333333);
            x = (x & 32'h0f0f0f0f) + (x >> 4 & 32'h0f0f0f0f);
            x = (x & 32'h00ff00ff) + (x >> 8 & 32'h00ff00ff);
            count = (x & 32'h0000ffff) + (x >> 16);
        end
    endfunction

    // The words of the row, one after the other, until each undecided trial has a bit.
    integer         lane;
    reg [31:0]      reached, found, open;
    reg [7:0]       gone;
    always @* begin
        reached = seen;
        found = ones;
        gone = position;
        for (lane = 0; lane < LANES; lane = lane + 1)
            if (lane >= position && reached != undecided) begin
                open = undecided - reached;
                if (open > 32) open = 32;
                found = found + count(row__payload[32*lane +: 32] & (33'd1 << open) - 1);
                reached = reached + open;
                gone = lane + 1;
            end
    end

    wire            going = !want_done && row__valid;
    wire            ends = reached == undecided;
    wire [WIDTH:0]  twice = {r, 1'b0};
    wire            digit = twice >= divisor;
    wire [31:0]     kept = digit ? found : undecided - found;
    assign want_row__ready = align ? position != 0 : going && gone == LANES;

    always @(posedge clk) begin
        if (start && want_done) begin
            r <= a;
            divisor <= b;
            undecided <= certain ? 0 : trials;
            successes <= certain ? trials : 0;
            seen <= 0;
            ones <= 0;
        end else if (going) begin
            position <= gone == LANES ? 0 : gone;
            if (ends) begin
                r <= digit ? twice - divisor : twice;
                if (digit) successes <= successes + (undecided - found);
                undecided <= kept;
                seen <= 0;
                ones <= 0;
            end else begin
                seen <= reached;
                ones <= found;
            end
        end
        if (align) position <= 0;
        if (switch) position <= taken_before;
        if (rst) begin
            r <= 0;
            divisor <= 0;
            undecided <= 0;
            seen <= 0;
            ones <= 0;
            successes <= 0;
            position <= 0;
        end
    end

    // With nothing undecided the remainder is of no matter; otherwise it is that of a division.
    assign related = r == rtl_remainder && divisor == rtl_divisor && undecided - seen == rtl_left && ones == rtl_ones
        && successes == rtl_decided + rtl_latest && ones <= seen && seen <= undecided && position < LANES
        && (undecided == 0 || (undecided - ones == rtl_zeros && r < divisor && seen < undecided));
endmodule
