// A stream's Philox4x32-10 generators, written from docs/contract.md ("Random words") and the paper (Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for the proof in sim/formal.py; the circuit is rtl/philox.py.
//
// One number says where a stream is: the words given so far. The round's key is stepped along with the rounds, as in the
// paper. Products are taken of the circuit's registers, which equal the model's, so that the solver meets each
// product once.
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
    input      [64*LANES-1:0] rtl_keys,
    input      [128*LANES-1:0] rtl_work,
    input      [128*LANES-1:0] rtl_blocks,
    input      [63:0]         rtl_words,
    input      [3:0]          rtl_round,
    input                     rtl_restart,
    output                    related
);
    reg [64*LANES-1:0]  keys = 0;
    reg [128*LANES-1:0] work = 0;    // the block under way
    reg [128*LANES-1:0] blocks = 0;  // the block that is given
    reg [63:0]          words = 0;   // given so far
    reg [3:0]           round = 0;   // rounds done
    reg [31:0]          weyl0 = 0, weyl1 = 0;
    reg                 full = 0, begun = 1;

    wire [61:0] block = words[63:2];
    wire [61:0] following = block + 1;
    // A finished block moves on as soon as the one before it is used up.
    wire        move = round == 10 && !full;

    integer     lane;
    reg [31:0]  x0, x1, x2, x3, k0, k1;
    reg [63:0]  p0, p1;
    always @(posedge clk)
        if (rst) begin
            {keys, work, blocks, words, round} <= 0;
            {weyl0, weyl1} <= 0;
            full <= 0;
            begun <= 1;
        end else if (hold) begin
            words <= 0;
            full <= 0;
            begun <= 0;
            if (shift) keys <= {chain_in, keys} >> 32;
        end else begin
            if (full && row__ready) begin
                words <= words + 1;
                if (words[1:0] == 3) full <= 0;
            end
            if (!begun || move) begin
                begun <= 1;
                round <= 0;
                {weyl0, weyl1} <= 0;
                full <= begun;
                blocks <= work;
                for (lane = 0; lane < LANES; lane = lane + 1)
                    work[128*lane +: 128] <= begun ? following : block;
            end else if (round < 10) begin
                round <= round + 1;
                weyl0 <= weyl0 + 32'h9E3779B9;
                weyl1 <= weyl1 + 32'hBB67AE85;
                for (lane = 0; lane < LANES; lane = lane + 1) begin
                    {x3, x2, x1, x0} = rtl_work[128*lane +: 128];
                    {k1, k0} = keys[64*lane +: 64];
                    p0 = 64'hD2511F53 * x0;
                    p1 = 64'hCD9E8D57 * x2;
                    work[128*lane +: 128] <= {p0[31:0], p0[63:32] ^ x3 ^ k1 + weyl1, p1[31:0], p1[63:32] ^ x1 ^ k0 + weyl0};
                end
            end
        end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1)
            assign want_row__payload[32*i +: 32] = blocks[128*i +: 128] >> 32 * words[1:0];
    endgenerate
    assign want_chain_out = keys[31:0];
    assign want_row__valid = full;

    // What the rounds done have added to the key.
    reg [31:0]  sum0, sum1;
    integer     step;
    always @* begin
        {sum0, sum1} = 0;
        for (step = 1; step <= 10; step = step + 1)
            if (step == round) begin
                sum0 = step * 32'h9E3779B9;
                sum1 = step * 32'hBB67AE85;
            end
    end

    assign related = keys == rtl_keys && work == rtl_work && blocks == rtl_blocks && words == rtl_words
        && round == rtl_round && begun == !rtl_restart && round <= 10 && (begun || !full)
        && weyl0 == sum0 && weyl1 == sum1;
endmodule
