/* Trains a small VAE on generated digits and writes a picture of what it learnt.
 *
 *   cc train.c $(pkg-config --cflags --libs elbo) -o train && ./train run-folder */
#include <elbo.h>
#include <stdio.h>

static bool show(void *user, const elbo_progress *progress) {
    (void)user;
    if (progress->event == ELBO_EVENT_EPOCH)
        printf("epoch %lld: -ELBO %.2f nats, test %.2f\n", (long long)progress->epoch, progress->loss,
               progress->test_loss);
    return false; /* true would save and stop */
}

int main(int count, char **words) {
    const char *folder = count > 1 ? words[1] : "example-run";
    elbo_error error = {0};
    elbo_array z = {0}, x = {0};

    elbo_config *config = elbo_config_new("vae", &error);
    bool good = config && elbo_config_set(config, "data", "synth:glyphs", &error) == ELBO_OK &&
                elbo_config_set(config, "latent", "8", &error) == ELBO_OK &&
                elbo_config_set(config, "epochs", "5", &error) == ELBO_OK;
    elbo_training training = {.config = config, .folder = folder, .progress = show};
    good = good && elbo_train(&training, &error) == ELBO_OK;

    elbo_model *model = good ? elbo_model_open(folder, NULL, 0, &error) : NULL;
    good = model && elbo_model_prior(model, 64, 1, 1.0, &z, &error) == ELBO_OK &&
           elbo_model_decode(model, &z, false, 1, &x, &error) == ELBO_OK &&
           elbo_picture_grid(&x, &(elbo_picture){.high = 255}, "samples.png", &error) == ELBO_OK;
    if (!good) fprintf(stderr, "%s\n", error.message);

    elbo_array_free(&z);
    elbo_array_free(&x);
    elbo_model_free(model);
    elbo_config_free(config);
    return good ? 0 : 1;
}
