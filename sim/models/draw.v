// Masked rejection, written from docs/contract.md ("A step", points 4 and 7) and docs/theory_of_operation.md for the proof
// in sim/formal.py; its circuit is `Draw` in rtl/sampler.py.
//
// The bits of a draw are a function of W here: bit j belongs to u iff 2^j < W. The circuit instead grows a mask while W
// grows, so the two agree only where W does grow between two `clear`, and stands still from the first token to the last
// draw, which is assumed.
module model #(
    parameter MASS_BITS = 13,
    parameter MAX_MASS = 4096,
    parameter DRAW_BITS = 12,
    parameter DRAW_WORDS = 1,
    parameter CANDIDATES = 1,
    parameter REJECTED_BITS = 1
) (
    input                                     clk,
    input                                     rst,
    input                                     clear,
    input  [MASS_BITS-1:0]                    mass,
    output                                    want_settled,
    input                                     row__valid,
    input  [32*DRAW_WORDS*CANDIDATES-1:0]     row__payload,
    output                                    want_row__ready,
    input                                     token_valid,
    output                                    want_token_ready,
    output                                    want_draw__valid,
    output [MASS_BITS-1:0]                    want_draw__payload,
    input                                     draw__ready,
    output [REJECTED_BITS-1:0]                want_rejected,
    input                                     align,
    input  [DRAW_BITS-1:0]                    rtl_mask,
    input  [7:0]                              rtl_position,
    input  [7:0]                              rtl_carried,
    input  [DRAW_BITS*CANDIDATES-1:0]         rtl_candidates,
    input  [CANDIDATES-1:0]                   rtl_fits,
    input                                     rtl_held,
    input  [1:0]                              rtl_tokens,
    input                                     rtl_grows,
    output                                    related
);
    reg [6:0]           covered = 0;  // bits that the sampler has made room for
    reg                 enough = 0;   // they were, for W a clock ago
    reg                 odd = 0;      // a clock in which there may be one more
    reg [MASS_BITS-1:0] known = 0;    // W a clock ago
    reg                 fresh = 1;    // W may start anew
    reg [1:0]           owed = 0;     // tokens without a draw
    reg                 held = 0;     // a row is at hand
    reg [32*DRAW_WORDS*CANDIDATES-1:0] words = 0; // its words
    reg [7:0]           position = 0; // candidates of it that are used up
    reg [7:0]           carried = 0;  // rejected draws that wait for an accepted one
    reg                 full = 0;
    reg [MASS_BITS-1:0] drawn = 0;

    wire suffices = (65'd1 << covered) >= mass;
    assign want_settled = enough;
    always @* begin
        assume (mass <= MAX_MASS);
        assume (fresh || mass >= known);
        assume (suffices && enough && mass == known && !clear && !fresh || !token_valid);
        assume (!held && owed == 0 || mass == known && !clear);
        assume (owed == 0 || !align);
    end

    // Walk over the candidates that are left, up to the one after the first that fits.
    wire walking = held && owed != 0 && (draw__ready || !full);
    integer             i, j;
    reg                 found, another;
    reg [7:0]           before, after, following;
    reg [MASS_BITS-1:0] u, value;
    reg [DRAW_BITS*CANDIDATES-1:0] values;
    reg [CANDIDATES-1:0]           fitting;
    always @* begin
        {found, another} = 0;
        before = 0;
        after = 0;
        following = 0;
        value = 0;
        u = 0;
        for (i = 0; i < CANDIDATES; i = i + 1) begin
            for (j = 0; j < DRAW_BITS; j = j + 1)
                u[j] = words[32*DRAW_WORDS*i + j] && (65'd1 << j) < mass;
            values[DRAW_BITS*i +: DRAW_BITS] = u[DRAW_BITS-1:0];
            fitting[i] = u < mass;
            if (i >= position) begin
                if (u < mass) begin
                    if (found) another = 1;
                    else begin
                        found = 1;
                        value = u;
                        following = i + 1;
                    end
                end else if (!found) before = before + 1;
                else if (!another) after = after + 1;
            end
        end
    end

    wire drawing = walking && found;
    wire left = align ? position != 0 : walking && !another; // the row is
    wire fetching = owed > drawing && (!held || left);
    assign want_token_ready = owed != 3;
    assign want_row__ready = fetching;
    assign want_rejected = walking ? carried + before : 0;
    assign want_draw__valid = full;
    assign want_draw__payload = drawn;

    always @(posedge clk)
        if (rst) begin
            {covered, enough, odd, owed, held, position, carried, full, drawn} <= 0;
            fresh <= 1;
        end else begin
            fresh <= clear;
            known <= mass;
            enough <= clear || suffices;
            odd <= !odd;
            covered <= clear ? 7'd0 : covered + (odd && !enough);
            owed <= owed + (token_valid && owed != 3) - drawing;
            full <= drawing || (full && !draw__ready);
            if (drawing) drawn <= value;
            if (row__valid && fetching) words <= row__payload;
            held <= row__valid && fetching || held && !left;
            if (align || walking) begin
                position <= !align && another ? following : 8'd0;
                carried <= !align && found && !another ? after : 8'd0;
            end
        end

    // The mask is all ones up to the covered bits, and not one bit further than W has needed so far.
    wire [64:0] ones = (65'd1 << covered) - 65'd1;
    wire        needed = covered == 0 || (!fresh && (65'd1 << (covered - 1)) < known);
    wire        judged = !held || rtl_candidates == values && rtl_fits == fitting;
    // Whoever owes a draw has a mask that covers W, and a row is there for a draw that is owed or has begun it.
    wire        ready = owed == 0 && !held || !fresh && enough && (65'd1 << covered) >= known;
    wire        growing = !odd || enough || !fresh && (65'd1 << covered) < known;
    assign related = rtl_mask == ones && covered <= DRAW_BITS && needed && known <= MAX_MASS
        && rtl_position == position && position < CANDIDATES
        && rtl_carried == carried && carried < CANDIDATES
        && rtl_held == held && rtl_tokens == owed && judged && ready && growing && rtl_grows == odd
        && (!held || owed != 0 || position != 0) && (held || position == 0);
endmodule
