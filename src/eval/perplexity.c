#include "eval/perplexity.h"

#include <math.h>

#include "eval/evaluation.h"
#include "models/words.h"

bool elbo_perplexity_applies(const elbo_instance *instance) {
    return instance->type->likelihood(instance->config->model) == &elbo_words_type;
}

void elbo_perplexity_add(elbo_perplexity_sums *sums, double bound, const float *counts, int64_t size) {
    double words = 0;
    for (int64_t i = 0; i < size; i++) words += (double)counts[i];
    if (words == 0) {
        sums->empty++;
        return;
    }
    double rate = -bound / words, away = rate - sums->rates;
    sums->rates += away / (double)++sums->documents;
    sums->rate_square += away * (rate - sums->rates);
    sums->bounds += bound;
    sums->words += words;
}

void elbo_perplexity_conclude(const elbo_perplexity_sums *sums, elbo_evaluation *out) {
    out->document_perplexity = out->document_perplexity_stderr = out->corpus_perplexity = NAN;
    out->words = sums->words;
    out->empty_documents = sums->empty;
    if (sums->documents == 0) return;
    out->document_perplexity = exp(sums->rates);
    out->document_perplexity_stderr =
        out->document_perplexity * elbo_standard_error(sums->rate_square, sums->documents);
    out->corpus_perplexity = exp(-sums->bounds / sums->words);
}
