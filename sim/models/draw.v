// Masked rejection, written from docs/contract.md ("A step", points 4 and 7) for the proof in sim/formal.py; its circuit
// is `Draw` in rtl/sampler.py.
//
// The bits of a draw are a function of W here: bit j belongs to u iff 2^j < W. The circuit instead grows a mask while W
// grows, so the two agree only where W does grow between two `clear` and draws wait for `settled`, which is assumed.
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
    output                                    related
);
    reg [6:0]           covered = 0;  // bits that the sampler has made room for
    reg [MASS_BITS-1:0] known = 0;    // W a clock ago
    reg                 fresh = 1;    // W may start anew
    reg [7:0]           position = 0; // candidates of the row that are used up
    reg [7:0]           carried = 0;  // rejected draws that wait for an accepted one
    reg                 full = 0;
    reg [MASS_BITS-1:0] drawn = 0;

    assign want_settled = (65'd1 << covered) >= mass;
    always @* begin
        assume (mass <= MAX_MASS);
        assume (fresh || mass >= known);
        assume (want_settled || !token_valid);
    end

    // Walk over the candidates that are left, up to the one after the first that fits.
    wire walking = token_valid && row__valid && (draw__ready || !full) && !align;
    integer             i, j;
    reg                 found, another;
    reg [7:0]           before, after, following;
    reg [MASS_BITS-1:0] u, value;
    always @* begin
        {found, another} = 0;
        before = 0;
        after = 0;
        following = 0;
        value = 0;
        u = 0;
        for (i = 0; i < CANDIDATES; i = i + 1)
            if (i >= position) begin
                for (j = 0; j < DRAW_BITS; j = j + 1)
                    u[j] = row__payload[32*DRAW_WORDS*i + j] && (65'd1 << j) < mass;
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

    assign want_token_ready = walking && found;
    assign want_row__ready = align ? position != 0 : walking && !another;
    assign want_rejected = walking ? carried + before : 0;
    assign want_draw__valid = full;
    assign want_draw__payload = drawn;

    always @(posedge clk)
        if (rst) begin
            {covered, position, carried, full, drawn} <= 0;
            fresh <= 1;
        end else begin
            fresh <= clear;
            known <= mass;
            covered <= clear ? 7'd0 : covered + !want_settled;
            full <= want_token_ready || (full && !draw__ready);
            if (want_token_ready) drawn <= value;
            if (align || walking) begin
                position <= !align && another ? following : 8'd0;
                carried <= !align && found && !another ? after : 8'd0;
            end
        end

    // The mask is all ones up to the covered bits, and not one bit further than W has needed so far.
    wire [64:0] ones = (65'd1 << covered) - 65'd1;
    wire        needed = covered == 0 || (!fresh && (65'd1 << (covered - 1)) < known);
    assign related = rtl_mask == ones && covered <= DRAW_BITS && needed && known <= MAX_MASS
        && rtl_position == position && position < CANDIDATES
        && rtl_carried == carried && carried < CANDIDATES;
endmodule
