// A stream's generators, written from docs/contract.md ("Random words") and the published xoshiro128++ (Blackman and
// Vigna, ACM TOMS 47(4), 2021) for the proof in sim/formal.py; the circuit is rtl/prng.py.
//
// All state words stand side by side in one vector, s0 of lane 0 in the low bits: seeding shifts it down by a word.
module model #(
    parameter LANES = 1
) (
    input                     clk,
    input                     rst,
    input                     hold,
    input                     shift,
    input      [31:0]         chain_in,
    input                     row__ready,
    output     [31:0]         want_chain_out,
    output                    want_row__valid,
    output     [32*LANES-1:0] want_row__payload,
    input      [128*LANES-1:0] rtl_state,
    output                    related
);
    reg [128*LANES-1:0] state = 0;
    reg [32*LANES-1:0]  row = 0;
    reg                 full = 0;

    function [31:0] rol(input [31:0] x, input integer n);
        rol = x * (64'd1 << n) | x / (64'd1 << 32 - n);
    endfunction

    integer    lane;
    reg [31:0] a, b, c, d, sum;
    always @(posedge clk)
        if (rst) begin
            state <= 0;
            row <= 0;
            full <= 0;
        end else if (hold) begin
            full <= 0;
            if (shift) state <= {chain_in, state[128*LANES-1:0]} >> 32;
        end else if (row__ready || !full) begin
            full <= 1;
            for (lane = 0; lane < LANES; lane = lane + 1) begin
                {d, c, b, a} = state[128*lane +: 128];
                sum = a + d;
                row[32*lane +: 32] <= rol(sum, 7) + a;
                // The update of the paper, in its order.
                sum = b << 9;
                c = c ^ a;
                d = d ^ b;
                b = b ^ c;
                a = a ^ d;
                c = c ^ sum;
                d = rol(d, 11);
                state[128*lane +: 128] <= {d, c, b, a};
            end
        end

    assign want_chain_out = state[31:0];
    assign want_row__valid = full;
    assign want_row__payload = row;
    assign related = state == rtl_state;
endmodule
