package content

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// thumbnailSide is the longer side of a thumbnail in pixels.
const thumbnailSide = 320

// Thumbnail returns a small JPEG of the file, a gradient between two colours of its own in the picture's
// proportions, 320 pixels on the longer side.
func (s *Source) Thumbnail(f File) []byte {
	w, h := f.dimensions()
	if w >= h {
		w, h = thumbnailSide, max(h*thumbnailSide/w, 1)
	} else {
		w, h = max(w*thumbnailSide/h, 1), thumbnailSide
	}
	k := mix(s.key ^ uint64(f.ID))
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	from, to := color.YCbCr{Y: byte(k), Cb: byte(k >> 8), Cr: byte(k >> 16)}, color.YCbCr{Y: byte(k >> 24), Cb: byte(k >> 32), Cr: byte(k >> 40)}
	fill := func(plane []byte, stride int, a, b byte) {
		for y := range len(plane) / stride {
			row := plane[y*stride : (y+1)*stride]
			for x := range row {
				row[x] = byte(int(a) + (int(b)-int(a))*(x+y)/(stride+len(plane)/stride))
			}
		}
	}
	fill(img.Y, img.YStride, from.Y, to.Y)
	fill(img.Cb, img.CStride, from.Cb, to.Cb)
	fill(img.Cr, img.CStride, from.Cr, to.Cr)
	var b bytes.Buffer
	// Encode fails only where the writer does or a side is over 65,535 pixels.
	_ = jpeg.Encode(&b, img, &jpeg.Options{Quality: 70})
	return b.Bytes()
}
