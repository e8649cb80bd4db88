/* What each metric is, in words: help, listings and docs/metrics.md come from here. */
#include "elbo.h"

#define HIGHER "higher is better"
#define LOWER  "lower is better"

static const elbo_metric_info metrics[] = {
    /* ---- clusters ---- */
    {"accuracy", "clusters", "share of rows that are right under the best one-to-one matching of clusters and classes",
     "predicted and true labels", "0 to 1", HIGHER,
     "max over matchings m of 1/N sum_i [m(cluster_i) = class_i]; a cluster without a partner is wrong throughout",
     "Hungarian method: Kuhn 1955; as in Jiang et al. 2017"},
    {"nmi", "clusters", "mutual information of clusters and classes over the mean of their entropies",
     "predicted and true labels", "0 to 1", HIGHER, "I(c; y) / ((H(c) + H(y)) / 2); 1 where both have a single label",
     "Vinh, Epps and Bailey 2010 (arithmetic mean)"},
    {"nmi_geometric", "clusters", "the same over the geometric mean of the entropies", "predicted and true labels",
     "0 to 1", HIGHER, "I(c; y) / sqrt(H(c) H(y)); 0 where one entropy is 0", "Strehl and Ghosh 2002"},
    {"nmi_max", "clusters", "the same over the larger entropy", "predicted and true labels", "0 to 1", HIGHER,
     "I(c; y) / max(H(c), H(y))", "Vinh, Epps and Bailey 2010 (max)"},
    {"ari", "clusters", "pairs of rows on which clusters and classes agree, corrected for chance",
     "predicted and true labels", "-0.5 to 1, 0 by chance", HIGHER,
     "(S - E) / ((A + B) / 2 - E) with S, A, B the pairs together in both, in clusters, in classes, and E = A B over "
     "all "
     "pairs",
     "Hubert and Arabie 1985"},
    {"purity", "clusters", "share of rows in the class that their cluster mostly holds", "predicted and true labels",
     "0 to 1", HIGHER, "1/N sum over clusters of max over classes of the rows in both; many clusters raise it",
     "Manning, Raghavan and Schuetze 2008, section 16.3"},

    /* ---- disentanglement ---- */
    {"beta_vae", "disentanglement", "accuracy of a linear classifier that tells which factor did not change",
     "codes and factors; values of factors that repeat", "1/F by chance, to 1", HIGHER,
     "multinomial logistic regression (C = 1) on mean |z1 - z2| over 64 pairs of rows that share one factor; 10 000 "
     "votes to learn from, 5000 to judge by",
     "Higgins et al. 2017"},
    {"factor_vae", "disentanglement", "accuracy of a majority vote that tells which factor did not change",
     "codes and factors; values of factors that repeat", "1/F by chance, to 1", HIGHER,
     "vote: argmin over dimensions of variance over 64 rows that share one factor / variance over 10 000 rows; "
     "dimensions with a standard deviation below 0.05 do not vote; 10 000 votes to learn from, 5000 to judge by",
     "Kim and Mnih 2018"},
    {"mig", "disentanglement", "gap between the two dimensions that know most about a factor",
     "codes and factors; at least two dimensions", "0 to 1", HIGHER,
     "mean over factors v of (I(z_1; v) - I(z_2; v)) / H(v), z_1 and z_2 the most informative dimensions, in 20 bins "
     "of "
     "equal width",
     "Chen et al. 2018; bins as in Locatello et al. 2019"},
    {"dci_disentanglement", "disentanglement", "how far each dimension matters for one factor only",
     "codes and factors; at least two factors", "0 to 1", HIGHER,
     "mean over dimensions, weighted by their importance, of 1 - entropy to base F of the importance for each factor, "
     "in "
     "gradient-boosted trees",
     "Eastwood and Williams 2018; trees as in Locatello et al. 2019"},
    {"dci_completeness", "disentanglement", "how far each factor is told by one dimension only",
     "codes and factors; at least two dimensions", "0 to 1", HIGHER,
     "mean over factors, weighted by their importance, of 1 - entropy to base Z of the importance of each dimension",
     "Eastwood and Williams 2018"},
    {"dci_informativeness", "disentanglement", "accuracy of the trees, mean over factors", "codes and factors",
     "0 to 1", HIGHER, "share of 5000 other rows whose value of a factor boosted trees on all dimensions tell",
     "Eastwood and Williams 2018; as accuracy in Locatello et al. 2019"},
    {"sap", "disentanglement", "gap between the two single dimensions that predict a factor best",
     "codes and factors; at least two dimensions", "0 to 1", HIGHER,
     "mean over factors of the gap of the two best test accuracies of linear support vector machines (C = 0.01, "
     "squared "
     "hinge, balanced classes, one against the rest) on one dimension each",
     "Kumar, Sattigeri and Balakrishnan 2018"},
    {"modularity", "disentanglement", "how far each dimension informs about one factor only",
     "codes and factors; at least two factors", "0 to 1", HIGHER,
     "mean over dimensions of 1 - sum over other factors of I^2 / (max I^2 (F - 1)), I in 20 bins; a dimension that "
     "informs about nothing counts 0",
     "Ridgeway and Mozer 2018"},

    /* ---- topics ---- */
    {"document_perplexity", "topics", "perplexity per document: each document counts the same",
     "a bound on log p and a length for each document", "1 and up", LOWER,
     "exp(1/D sum_d -ELBO_d / N_d); documents without words are left out", "Miao, Yu and Blunsom 2016"},
    {"corpus_perplexity", "topics", "perplexity of the corpus: each word counts the same",
     "a bound on log p and a length for each document", "1 and up", LOWER, "exp(sum_d -ELBO_d / sum_d N_d)",
     "Blei, Ng and Jordan 2003"},
    {"npmi", "topics", "how much more often top words of a topic occur together than by chance",
     "topics and a reference corpus", "-1 to 1, 0 by chance", HIGHER,
     "mean over topics and pairs of their 10 top words of log(p_ij / (p_i p_j)) / -log p_ij, p the share of documents; "
     "-1 "
     "for a pair that never occurs",
     "Bouma 2009; Lau, Newman and Baldwin 2014"},
    {"c_v", "topics", "how alike the company is that top words of a topic keep", "topics and a reference corpus",
     "-1 to 1", HIGHER,
     "mean over topics and their 10 top words of the cosine of a word's vector of npmi with all of them (1e-12 added "
     "to "
     "p_ij) and the sum of these vectors; a window is a whole document, where the source has windows of 110 words",
     "Roeder, Both and Hinneburg 2015"},
    {"diversity", "topics", "share of distinct words among the top words of all topics", "topics", "1/K to 1", HIGHER,
     "distinct words / (K 25) among the 25 top words of each of K topics", "Dieng, Ruiz and Blei 2020"},

    /* ---- detection ---- */
    {"auroc", "detection", "chance that an anomaly scores above a normal row", "scores and labels",
     "0 to 1, 0.5 by chance", HIGHER, "P(s_anomaly > s_normal) + P(equal) / 2: the area under the ROC curve",
     "Hanley and McNeil 1982; standard error: DeLong, DeLong and Clarke-Pearson 1988"},
    {"average_precision", "detection", "precision, averaged over the steps of recall", "scores and labels",
     "0 to 1, the share of anomalies by chance", HIGHER,
     "sum over thresholds n of (R_n - R_n-1) P_n, equal scores taken at once",
     "Manning, Raghavan and Schuetze 2008, section 8.4"},
    {"detected", "detection", "share of anomalies found at a rate of false alarms", "scores, labels and a rate (0.05)",
     "0 to 1", HIGHER,
     "share of anomalies at or above the lowest score at which the share of normal rows does not pass the rate",
     "Neyman and Pearson 1933"},

    /* ---- probe ---- */
    {"linear_accuracy", "probe", "what a linear classifier reads from codes", "codes and labels", "0 to 1", HIGHER,
     "test accuracy of multinomial logistic regression on standardised dimensions, "
     "min -1/N sum log p(y|z) + l2/(2N) |W|^2",
     "Alain and Bengio 2016"},
    {"knn_accuracy", "probe", "whether rows of a class lie together", "codes and labels", "0 to 1", HIGHER,
     "test accuracy of the majority among the 10 nearest training codes by Euclidean distance; of equal majorities "
     "that of "
     "the nearest one",
     "Cover and Hart 1967"},

    /* ---- frechet ---- */
    {"frechet", "frechet", "squared Frechet distance of two sets of features, taken as normal",
     "two sets of features of one extractor", "0 and up", LOWER,
     "|m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2)), covariances over N - 1; it depends on extractor and set "
     "size",
     "Dowson and Landau 1982; Heusel et al. 2017"},

    /* ---- units ---- */
    {"active_units", "units", "units of the code that the data move, for each layer", "posterior means", "0 to Z",
     "neither", "number of units with a variance over data of E q(z|x) above a threshold (0.01)",
     "Burda, Grosse and Salakhutdinov 2015"},
};

bool elbo_metric_at(size_t index, elbo_metric_info *out) {
    if (index >= sizeof metrics / sizeof *metrics) return false;
    *out = metrics[index];
    return true;
}
