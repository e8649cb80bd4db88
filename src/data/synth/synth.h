/* Generated data sets: handwriting-like digits, sprites with known factors, Gaussian mixtures, documents, and two toys:
 * unit vectors and a ring.
 *
 * Each is a function of its options alone: the same seed gives the same rows on any machine, for any thread count,
 * and for any number of other rows (asking for more training rows leaves the test rows as they were). */
#ifndef ELBO_DATA_SYNTH_H
#define ELBO_DATA_SYNTH_H

#include "data/format.h"

/* ------------------------------------------------------------------------------------------------------------------
 * synth:glyphs
 * --------------------------------------------------------------------------------------------------------------- */

enum { ELBO_GLYPH_SIDE = 28, ELBO_GLYPH_SIZE = ELBO_GLYPH_SIDE * ELBO_GLYPH_SIDE, ELBO_GLYPH_CLASSES = 10 };

#define ELBO_GLYPHS_OPTIONS(O)                                      \
    O(INT, train, "10000", 1, 1e8, NULL, "number of training rows") \
    O(INT, test, "2000", 0, 1e8, NULL, "number of test rows")       \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed of the digits and their hand")
ELBO_OPTIONS_STRUCT(elbo_glyphs_options, ELBO_GLYPHS_OPTIONS);
extern const elbo_options elbo_glyphs_options_table;

/* One digit as sample `row` of a seed: 0 background, 255 ink.  Returns its class, 0..9. */
int elbo_synth_glyph(uint64_t seed, uint32_t row, uint8_t out[ELBO_GLYPH_SIZE]);

/* values: u8 [train + test, 28, 28]; labels: i32, the digit. */
elbo_status elbo_synth_glyphs(elbo_table *table, const elbo_glyphs_options *options, elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * synth:sprites: one white shape on black, with the factor grid of dSprites (Matthey et al. 2017)
 * --------------------------------------------------------------------------------------------------------------- */

/* The factors in the order of the grid, whose last factor varies fastest. */
enum elbo_sprite_factor {
    ELBO_SPRITE_SHAPE,       /* square, ellipse, heart */
    ELBO_SPRITE_SCALE,       /* 0.5, 0.6, ..., 1 */
    ELBO_SPRITE_ORIENTATION, /* 40 angles evenly over [0, 2 pi], both ends included as in dSprites */
    ELBO_SPRITE_X,           /* column of the centre: 16.5 + index pixels */
    ELBO_SPRITE_Y,           /* row of the centre: 16.5 + index pixels, downwards */
    ELBO_SPRITE_FACTORS
};
enum { ELBO_SPRITE_SIDE = 64, ELBO_SPRITE_SIZE = ELBO_SPRITE_SIDE * ELBO_SPRITE_SIDE, ELBO_SPRITE_GRID = 737280 };

/* How many values each factor has: {3, 6, 40, 32, 32}. */
extern const int elbo_synth_sprite_sizes[ELBO_SPRITE_FACTORS];

#define ELBO_SPRITES_OPTIONS(O)                                                                                \
    O(INT, count, "20000", 1, 737280, NULL, "number of training rows, drawn from the grid without repetition") \
    O(INT, test, "2000", 0, 737279, NULL, "number of test rows, none of them a training row")                  \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed of the draw")                                                     \
    O(BOOL, full, "false", 0, 0, NULL, "every image of the grid, in the grid's order, as training rows (3 GB)")
ELBO_OPTIONS_STRUCT(elbo_sprites_options, ELBO_SPRITES_OPTIONS);
extern const elbo_options elbo_sprites_options_table;

/* Draws the image of five factor indices, each within its size: 0 or 255. */
void elbo_synth_sprite(const int factors[ELBO_SPRITE_FACTORS], uint8_t out[ELBO_SPRITE_SIZE]);

/* The factor indices of an index into the grid, 0 <= index < ELBO_SPRITE_GRID. */
void elbo_synth_sprite_factors(int64_t index, int factors[ELBO_SPRITE_FACTORS]);

/* values: u8 [count + test, 64, 64]; labels: i32, the shape; factors: i32 [count + test, 5]. */
elbo_status elbo_synth_sprites(elbo_table *table, const elbo_sprites_options *options, elbo_error *error);

/* The factors of rows first .. first + count - 1 of that table (training rows come first, then test rows) into
 * factors: [count][5], the caller's.  ELBO_ERROR_USAGE for rows that the table does not have. */
elbo_status elbo_synth_sprites_factors(const elbo_sprites_options *options, int64_t first, int64_t count,
                                       int (*factors)[ELBO_SPRITE_FACTORS], elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * synth:mixture: a mixture of Gaussians with full covariances
 * --------------------------------------------------------------------------------------------------------------- */

#define ELBO_MIXTURE_OPTIONS(O)                                                                                    \
    O(INT, components, "5", 1, 256, NULL, "number of Gaussians")                                                   \
    O(INT, dim, "2", 1, 100, NULL, "dimension of the points")                                                      \
    O(INT, rows, "5000", 1, 1e9, NULL, "number of training rows")                                                  \
    O(INT, test, "1000", 0, 1e9, NULL, "number of test rows")                                                      \
    O(REAL, spread, "5", 0, 1e6, NULL, "half the side of the cube that holds the centres, in standard deviations") \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed of the components and of the points")
ELBO_OPTIONS_STRUCT(elbo_mixture_options, ELBO_MIXTURE_OPTIONS);
extern const elbo_options elbo_mixture_options_table;

/* The density that the rows are drawn from: sum_k weight[k] N(x; centre[k], factor[k] factor[k]').  Into the caller's
 * weight: [components], centre: [components, dim], factor: [components, dim, dim], lower triangular. */
void elbo_synth_mixture_density(const elbo_mixture_options *options, double *weight, double *centre, double *factor);

/* values: f32 [rows + test, dim]; labels: i32, the component. */
elbo_status elbo_synth_mixture(elbo_table *table, const elbo_mixture_options *options, elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * synth:topics: documents of latent Dirichlet allocation (Blei, Ng and Jordan 2003)
 *
 *   words of topic k ~ Dirichlet(word_concentration), topics of a document ~ Dirichlet(concentration); the document has
 *   between half and one and a half times `length` words, each from a topic of its own
 * --------------------------------------------------------------------------------------------------------------- */

#define ELBO_TOPICS_OPTIONS(O)                                                                          \
    O(INT, topics, "10", 1, 1000, NULL, "number of topics")                                             \
    O(INT, vocabulary, "500", 1, 100000, NULL, "number of words")                                       \
    O(INT, documents, "2000", 1, 1e7, NULL, "number of training documents")                             \
    O(INT, test, "500", 0, 1e7, NULL, "number of test documents")                                       \
    O(INT, length, "100", 1, 100000, NULL, "words of a document, on average")                           \
    O(REAL, concentration, "0.1", 0.001, 1000, NULL, "of the topics of a document; small: few topics")  \
    O(REAL, word_concentration, "0.05", 0.001, 1000, NULL, "of the words of a topic; small: few words") \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed of topics and documents")
ELBO_OPTIONS_STRUCT(elbo_topics_options, ELBO_TOPICS_OPTIONS);
extern const elbo_options elbo_topics_options_table;

/* The probability of each word in each topic, into the caller's words: [topics, vocabulary]. */
void elbo_synth_topics_words(const elbo_topics_options *options, double *words);
/* The share of each topic in a document, by its sample number (elbo_synth_sample), into shares: [topics]. */
void elbo_synth_topics_shares(const elbo_topics_options *options, uint32_t sample, double *shares);

/* sparse: [documents + test, vocabulary]; labels: i32, the topic with the largest share; words are named word0, ... */
elbo_status elbo_synth_topics(elbo_table *table, const elbo_topics_options *options, elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * synth:onehot: unit vectors, each as often as the others
 * --------------------------------------------------------------------------------------------------------------- */

#define ELBO_ONEHOT_OPTIONS(O)                                                           \
    O(INT, size, "4", 1, 1000, NULL, "number of different vectors, and their dimension") \
    O(INT, rows, "1000", 1, 1e8, NULL, "number of training rows")                        \
    O(INT, test, "100", 0, 1e8, NULL, "number of test rows")
ELBO_OPTIONS_STRUCT(elbo_onehot_options, ELBO_ONEHOT_OPTIONS);
extern const elbo_options elbo_onehot_options_table;

/* values: u8 [rows + test, size], 0 or 1: row i of a split is 1 at i modulo size; labels: i32, that number. */
elbo_status elbo_synth_onehot(elbo_table *table, const elbo_onehot_options *options, elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * synth:ring: x = radius (cos a, sin a) + scale e with a uniform on [0, 2 pi) and e ~ N(0, I). The distance r from the
 * centre has Rice's density r / scale^2 exp(-(r^2 + radius^2) / (2 scale^2)) I_0(r radius / scale^2).
 * --------------------------------------------------------------------------------------------------------------- */

#define ELBO_RING_OPTIONS(O)                                                         \
    O(REAL, radius, "2", 0, 1e6, NULL, "of the circle")                              \
    O(REAL, scale, "0.1", 0, 1e6, NULL, "standard deviation of the noise around it") \
    O(INT, rows, "5000", 1, 1e9, NULL, "number of training rows")                    \
    O(INT, test, "1000", 0, 1e9, NULL, "number of test rows")                        \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed of angles and noise")
ELBO_OPTIONS_STRUCT(elbo_ring_options, ELBO_RING_OPTIONS);
extern const elbo_options elbo_ring_options_table;

/* values: f32 [rows + test, 2]; labels: i32, the quarter of the turn that the angle a lies in. */
elbo_status elbo_synth_ring(elbo_table *table, const elbo_ring_options *options, elbo_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * Shared by the generators
 * --------------------------------------------------------------------------------------------------------------- */

/* The `step` of each generator's random numbers, so that equal seeds are independent between generators. */
enum {
    ELBO_SYNTH_GLYPHS = 1,
    ELBO_SYNTH_SPRITES,
    ELBO_SYNTH_MIXTURE,
    ELBO_SYNTH_MIXTURE_DENSITY,
    ELBO_SYNTH_TOPICS_WORDS,
    ELBO_SYNTH_TOPICS_SHARES,
    ELBO_SYNTH_TOPICS,
    ELBO_SYNTH_RING
};

/* Sample number of a table's row: test rows count from 2^31, so that they stay when the training rows change. */
static inline uint32_t elbo_synth_sample(int64_t row, int64_t train) {
    return row < train ? (uint32_t)row : UINT32_C(0x80000000) + (uint32_t)(row - train);
}

/* Allocates values of the type and item shape and labels for train + test rows. */
elbo_status elbo_synth_table(elbo_table *table, elbo_dtype dtype, int item_rank, const int64_t *item_shape,
                             int64_t train, int64_t test, int classes, elbo_error *error);

/* Sets the names of the table's classes. */
elbo_status elbo_synth_names(elbo_table *table, const char *const *names, elbo_error *error);

/* Reads the options of "synth:sprites?key=value&..." (or its part from '?' on, or ""): starts from the defaults, and
 * names the source in every error.  The caller clears the options with elbo_options_clear. */
elbo_status elbo_synth_options(const elbo_options *table, void *options, const char *source, elbo_error *error);

#endif
