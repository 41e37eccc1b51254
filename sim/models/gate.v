// The gate, written from docs/contract.md ("A step", point 3) for the proof in sim/formal.py; its circuit is rtl/gate.py.
//
// A draw takes one word and opens iff its low GATE_BITS bits are below T. PER_TRIAL = 1: a draw for each of n trials, of
// which one that is open may wait; PER_TRIAL = 0: one draw, which lets n trials pass or none. An open trial is a handshake
// of `token`.
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
    input                rtl_first,
    input                rtl_more,
    input  [31:0]        rtl_following,
    input                rtl_undecided,
    input                rtl_opened,
    output               related
);
    reg [31:0] left = 0;       // trials without a decision (PER_TRIAL), or not yet let through
    reg        waits = 0;      // an open trial (PER_TRIAL)
    reg        fresh = 0;      // the step began a clock ago
    reg        undecided = 0;  // the one draw of the step is still to come
    reg        open = 0;       // what it was
    reg [31:0] promised = 0;   // n, which must hold during a step

    always @* assume (!want_busy || trials == promised);

    // Shifting both to the top cuts off the bits that are not drawn; T is one bit wider, so that it can be 2^GATE_BITS.
    wire [31:0] draw = row__payload << (32 - GATE_BITS);
    wire [32:0] bound = {32'd0, threshold} << (32 - GATE_BITS);
    wire        opens = !({1'b0, draw} >= bound);

    assign want_row__ready = PER_TRIAL ? left != 0 && !(waits && !token_ready) : undecided;
    assign want_token_valid = PER_TRIAL ? waits : !undecided && open && left != 0;
    assign want_busy = PER_TRIAL ? fresh || left != 0 || waits : undecided || open && left != 0;
    wire word_taken = row__valid && want_row__ready;
    wire passed = want_token_valid && token_ready;

    always @(posedge clk)
        if (rst) begin
            left <= 0;
            {waits, fresh, undecided, open} <= 0;
        end else begin
            fresh <= start && !want_busy;
            if (start && !want_busy) begin
                promised <= trials;
                undecided <= 1;
            end else if (word_taken) begin
                undecided <= 0;
                open <= opens;
            end
            if (fresh) left <= trials;
            else left <= left - {31'd0, PER_TRIAL ? word_taken : passed};
            waits <= PER_TRIAL && (word_taken ? opens : waits && !token_ready);
        end

    // What is left is known a clock after the step's beginning; the trials of a shut step are left for ever.
    wire counts = rtl_more == (left != 0) && (left == 0 || fresh || rtl_following == promised - left + 32'd1);
    wire agree = PER_TRIAL ? !fresh || left == 0 && !waits : rtl_undecided == undecided && rtl_opened == open && !waits;
    assign related = rtl_first == fresh && (!fresh || rtl_following == 0 && (PER_TRIAL || undecided)) && counts && agree;
endmodule
