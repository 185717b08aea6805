package mailpit

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // what a letter's images are in
	"image/jpeg"
	_ "image/png"
	"net/http"
	"net/url"

	"github.com/mailrig/mailrig/internal/answer"
)

const (
	thumbWidth, thumbHeight = 180, 120
	mostPixels              = 16 << 20 // of an image that is made smaller
)

// thumb answers with a small picture of an image, or a blank one.
func (h *Handler) thumb(w http.ResponseWriter, r *http.Request) {
	l, err := h.look(r.Context(), r.PathValue("id"), "")
	if err != nil || r.PathValue("id") == latest {
		bad(w, "sql: no rows in result set") // Mailpit's words for a message that it can't find; it doesn't know "latest" here
		return
	}
	p, ok, err := h.partOf(r, l)
	switch {
	case err != nil:
		h.trouble(w, r, err)
		return
	case !ok:
		bad(w, "attachment not found")
		return
	}
	var small image.Image
	err = h.box.with(r.Context(), func([]*Entry) error { // one large image at a time
		small = smaller(p.Content)
		return nil
	})
	var b bytes.Buffer
	if err == nil {
		err = jpeg.Encode(&b, small, nil)
	}
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	w.Header().Set("Content-Disposition", `filename="`+url.PathEscape(p.Name)+`"`)
	answer.Hostile(w, "image/jpeg", b.Bytes())
}

// smaller returns the image on a white ground, as large as fits. It is all white if the content is no image, or too large a one.
func smaller(content []byte) image.Image {
	ground := image.NewRGBA(image.Rect(0, 0, thumbWidth, thumbHeight))
	draw.Draw(ground, ground.Bounds(), image.White, image.Point{}, draw.Src)
	size, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || size.Width < 1 || size.Height < 1 || size.Width > mostPixels/size.Height {
		return ground
	}
	img, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return ground
	}
	from := img.Bounds()
	scale := min(float64(thumbWidth)/float64(from.Dx()), float64(thumbHeight)/float64(from.Dy()), 1)
	width, height := max(1, int(float64(from.Dx())*scale)), max(1, int(float64(from.Dy())*scale))
	left, top := (thumbWidth-width)/2, (thumbHeight-height)/2
	for y := range height {
		for x := range width {
			c := color.RGBAModel.Convert(img.At(from.Min.X+x*from.Dx()/width, from.Min.Y+y*from.Dy()/height)).(color.RGBA)
			spot := image.Rect(left+x, top+y, left+x+1, top+y+1)
			draw.Draw(ground, spot, image.NewUniform(c), image.Point{}, draw.Over)
		}
	}
	return ground
}
