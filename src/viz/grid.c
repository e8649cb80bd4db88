#include "viz/viz.h"

static elbo_status draw(const elbo_array *const *arrays, size_t count, const elbo_picture *picture, const char *path,
                        elbo_error *error) {
    elbo_canvas canvas;
    ELBO_TRY(elbo_canvas_compose(&canvas, arrays, count, picture, false, error));
    elbo_status status = elbo_canvas_save(&canvas, path, error);
    elbo_canvas_clear(&canvas);
    return status;
}

elbo_status elbo_picture_grid(const elbo_array *images, const elbo_picture *picture, const char *path,
                              elbo_error *error) {
    return draw(&images, 1, picture, path, error);
}

elbo_status elbo_picture_compare(const elbo_array *const *arrays, size_t count, const elbo_picture *picture,
                                 const char *path, elbo_error *error) {
    return draw(arrays, count, picture, path, error);
}
