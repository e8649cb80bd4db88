/* The data sets that can be downloaded by name.  The sizes and SHA-256 sums are those of the files as published; the
 * ones of the four MNIST files belong to the original .gz files (a recompressed copy differs). */
#include "data/download.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

static const elbo_fetch_file mnist[] = {
    {"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
};
static const elbo_fetch_file fashion_mnist[] = {
    {"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
};
static const elbo_fetch_file kmnist[] = {
    {"train-images-idx3-ubyte.gz", 18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"},
    {"train-labels-idx1-ubyte.gz", 29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"},
    {"t10k-images-idx3-ubyte.gz", 3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"},
    {"t10k-labels-idx1-ubyte.gz", 5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"},
};
static const elbo_fetch_file binarized_mnist[] = {
    {"binarized_mnist_train.amat", 78400000, "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"},
    {"binarized_mnist_valid.amat", 15680000, "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"},
    {"binarized_mnist_test.amat", 15680000, "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"},
};

/* The text becomes a folder as MNIST's own, without labels; the validation images lie beside the two splits. */
static elbo_status finish_binarized(const char *folder, elbo_error *error) {
    static const char *const names[3][2] = {{"binarized_mnist_train.amat", "train-images-idx3-ubyte"},
                                            {"binarized_mnist_valid.amat", "valid-images-idx3-ubyte"},
                                            {"binarized_mnist_test.amat", "t10k-images-idx3-ubyte"}};
    for (int i = 0; i < 3; i++) {
        char *from = elbo_textf("%s/%s", folder, names[i][0]), *to = elbo_textf("%s/%s", folder, names[i][1]);
        elbo_status status =
            from && to ? elbo_amat_to_idx(from, to, error) : elbo_fail_memory(error, strlen(folder), "a file name");
        elbo_free(from);
        elbo_free(to);
        ELBO_TRY(status);
    }
    return ELBO_OK;
}

static const elbo_download_record records[] = {
    {{"mnist", "MNIST: handwritten digits, 60 000 + 10 000 of 28x28", "CC BY-SA 3.0", 4},
     "https://ossci-datasets.s3.amazonaws.com/mnist",
     mnist,
     NULL},
    {{"fashion-mnist", "Fashion-MNIST: articles of clothing, 60 000 + 10 000 of 28x28", "MIT", 4},
     "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
     fashion_mnist,
     NULL},
    {{"kmnist", "KMNIST: cursive Japanese characters, 60 000 + 10 000 of 28x28", "CC BY-SA 4.0", 4},
     "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
     kmnist,
     NULL},
    {{"binarized-mnist", "MNIST binarised by Larochelle, 50 000 + 10 000 + 10 000 of 28x28, no labels", "CC BY-SA 3.0",
      3},
     "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
     binarized_mnist,
     finish_binarized},
};
enum { RECORDS = sizeof records / sizeof *records };

size_t elbo_download_count(void) { return RECORDS; }

const elbo_download *elbo_download_at(size_t index) { return index < RECORDS ? &records[index].about : NULL; }

const elbo_download_record *elbo_download_find(const char *name) {
    for (size_t i = 0; i < RECORDS; i++)
        if (strcmp(records[i].about.name, name) == 0) return &records[i];
    return NULL;
}

static elbo_status fail_unknown(const char *name, elbo_error *error) {
    elbo_option rows[RECORDS] = {{0}};
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        rows[i].name = records[i].about.name;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", rows[i].name);
    }
    const elbo_options table = {"downloads", rows, RECORDS, 0}, *tables[1] = {&table};
    const char *nearest = elbo_options_nearest(tables, 1, name);
    return elbo_fail(error, ELBO_ERROR_USAGE, "no download '%.100s'%s%s%s; known are %s", name,
                     nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "", known);
}

elbo_status elbo_download_record_get(const elbo_download_record *record, const char *folder, const char *base_url,
                                     elbo_download_progress progress, void *user, elbo_error *error) {
    if (!base_url) base_url = record->base_url;
    ELBO_TRY(elbo_folder_make(folder, error));
    size_t length = strlen(base_url);
    bool slash = length > 0 && base_url[length - 1] == '/';
    for (int i = 0; i < record->about.files; i++) {
        char *url = elbo_textf("%s%s%s", base_url, slash ? "" : "/", record->file[i].name);
        if (!url) return elbo_fail_memory(error, length, "an address");
        elbo_status status = elbo_fetch(&record->file[i], url, folder, progress, user, error);
        elbo_free(url);
        ELBO_TRY(status);
    }
    return record->finish ? record->finish(folder, error) : ELBO_OK;
}

elbo_status elbo_download_get(const char *name, const char *folder, const char *base_url,
                              elbo_download_progress progress, void *user, elbo_error *error) {
    const elbo_download_record *record = elbo_download_find(name);
    if (!record) return fail_unknown(name, error);
    return elbo_download_record_get(record, folder, base_url, progress, user, error);
}
