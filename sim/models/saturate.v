// The arithmetic of the accumulator, written from docs/contract.md ("A step", point 6) for the proof in sim/formal.py;
// its circuit is `SaturatingStep` in rtl/accumulator.py.
//
// Plain: the wanted value in 40 bits, then two comparisons with the rails.
module model #(
    parameter WEIGHT_BITS = 8,
    parameter COUNT_BITS = 3
) (
    input  signed [WEIGHT_BITS-1:0] weight,
    input                           negative,
    input         [COUNT_BITS-1:0]  count,
    output        [WEIGHT_BITS-1:0] want_updated,
    output        [COUNT_BITS-1:0]  want_lost,
    output                          related
);
    wire signed [39:0] top = (40'sd1 <<< (WEIGHT_BITS - 1)) - 40'sd1;
    wire signed [39:0] bottom = -(40'sd1 <<< (WEIGHT_BITS - 1));
    wire signed [39:0] steps = {1'b0, count};
    wire signed [39:0] wanted = negative ? weight + steps : weight - steps;
    wire signed [39:0] kept = wanted > top ? top : wanted < bottom ? bottom : wanted;
    wire signed [39:0] lost = negative ? wanted - kept : kept - wanted;

    assign want_updated = kept[WEIGHT_BITS-1:0];
    assign want_lost = lost[COUNT_BITS-1:0];
    assign related = 1;
endmodule
