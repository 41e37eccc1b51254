// The weight a draw lands on, written from docs/contract.md ("sampler = split", Select) for the proof in sim/formal.py;
// its circuit is `Select` in rtl/tiles.py.
module model #(
    parameter SIZE = 8,
    parameter BITS = 8
) (
    input      [BITS-1:0]      draw,
    input      [SIZE*BITS-1:0] prefix,
    output reg [SIZE-1:0]      want_chosen,
    output                     related
);
    integer i;
    always @* begin
        assume (draw < prefix[SIZE*BITS-1 -: BITS]);
        want_chosen = 0;
        for (i = SIZE - 1; i >= 0; i = i - 1) begin
            if (i > 0) assume (prefix[BITS*(i-1) +: BITS] <= prefix[BITS*i +: BITS]);
            if (prefix[BITS*i +: BITS] > draw) want_chosen = 1 << i;
        end
    end
    assign related = 1;
endmodule
