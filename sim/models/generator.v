// A stream's generators of the kinds that give a word a clock, written from docs/contract.md ("Random words") and the
// publications it names for the proof in sim/formal.py; the circuits are rtl/generators.py and rtl/kinds.py.
//
// All state words stand side by side in one vector, word 0 of lane 0 in the low bits: seeding shifts it down by a word.
// The bits of lfsr128 and trivium are made one after the other.
module model #(
    parameter KIND = 0,  // 0 xoshiro128++, 1 pcg32, 2 xoroshiro128aox, 3 lfsr128, 4 trivium
    parameter WORDS = 4,
    parameter LANES = 1
) (
    input                           clk,
    input                           rst,
    input                           hold,
    input                           shift,
    input      [31:0]               chain_in,
    input                           row__ready,
    output     [31:0]               want_chain_out,
    output                          want_row__valid,
    output     [32*LANES-1:0]       want_row__payload,
    input      [32*WORDS*LANES-1:0] rtl_state,
    input                           rtl_high,
    output                          related
);
    localparam BITS = 32 * WORDS;

    reg [BITS*LANES-1:0] state = 0;
    reg [32*LANES-1:0]   row = 0;
    reg                  full = 0;
    reg                  high = 0;  // the next word is the high half of an output of 64 bits

    function [31:0] rol32(input [31:0] x, input integer n);
        rol32 = x * (64'd1 << n) | x / (64'd1 << 32 - n);
    endfunction

    function [63:0] rol64(input [63:0] x, input integer n);
        rol64 = {x, x} >> 64 - n;
    endfunction

    // The state after a word, and below it the word.
    function [319:0] given(input [287:0] before, input high);
        integer     i;
        reg [287:0] s;
        reg [31:0]  a, b, c, d, word;
        reg [63:0]  x, y, z;
        reg         t1, t2, t3;
        begin
            s = before;
            word = 0;
            if (KIND == 0) begin
                {d, c, b, a} = s[127:0];
                word = a + d;
                word = rol32(word, 7) + a;
                // The update of the paper, in its order.
                x = b << 9;
                c = c ^ a;
                d = d ^ b;
                b = b ^ c;
                a = a ^ d;
                c = c ^ x[31:0];
                d = rol32(d, 11);
                s[127:0] = {d, c, b, a};
            end else if (KIND == 1) begin
                x = s[63:0];
                y = s[127:64] | 1;
                z = (x >> 18 ^ x) >> 27;
                for (i = 0; i < 32; i = i + 1)
                    word[i] = z[(i + x[63:59]) % 32];
                s[63:0] = x * 64'd6364136223846793005 + y;
            end else if (KIND == 2) begin
                x = s[63:0];
                y = s[127:64];
                z = x ^ y ^ (rol64(x & y, 1) | rol64(x & y, 2));
                word = high ? z[63:32] : z[31:0];
                if (high) begin
                    y = x ^ y;
                    x = rol64(x, 55) ^ y ^ (y << 14);
                    s[127:0] = {rol64(y, 36), x};
                end
            end else if (KIND == 3) begin
                for (i = 0; i < 32; i = i + 1) begin
                    word[i] = s[0];
                    s = s >> 1;
                    if (word[i]) s[127:0] = s[127:0] ^ (128'd1 << 127 | 128'd1 << 125 | 128'd1 << 100 | 128'd1 << 98);
                end
            end else begin
                for (i = 0; i < 32; i = i + 1) begin
                    // Bit p - 1 is the s_p of the paper.
                    t1 = s[65] ^ s[92];
                    t2 = s[161] ^ s[176];
                    t3 = s[242] ^ s[287];
                    word[i] = t1 ^ t2 ^ t3;
                    t1 = t1 ^ s[90] & s[91] ^ s[170];
                    t2 = t2 ^ s[174] & s[175] ^ s[263];
                    t3 = t3 ^ s[285] & s[286] ^ s[68];
                    s = {s[286:177], t2, s[175:93], t1, s[91:0], t3};
                end
            end
            given = {s, word};
        end
    endfunction

    integer     lane;
    reg [319:0] gift;
    always @(posedge clk)
        if (rst) begin
            state <= 0;
            row <= 0;
            full <= 0;
            high <= 0;
        end else if (hold) begin
            full <= 0;
            high <= 0;
            if (shift) state <= {chain_in, state} >> 32;
        end else if (row__ready || !full) begin
            full <= 1;
            high <= KIND == 2 && !high;
            for (lane = 0; lane < LANES; lane = lane + 1) begin
                gift = given(KIND == 1 ? rtl_state[BITS*lane +: BITS] : state[BITS*lane +: BITS], high);
                row[32*lane +: 32] <= gift[31:0];
                state[BITS*lane +: BITS] <= gift[32 +: BITS];
            end
        end

    assign want_chain_out = state[31:0];
    assign want_row__valid = full;
    assign want_row__payload = row;
    assign related = state == rtl_state && high == rtl_high;
endmodule
