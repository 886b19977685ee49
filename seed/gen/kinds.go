package gen

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// class says what files of a MIME type show, as far as words and tags are concerned.
type class uint8

const (
	classPhoto class = iota
	classGraphic
	classVideo
	classDocument
	classes
)

// mimeType is a MIME type with what belongs to it.
type mimeType struct {
	name  string
	class class
	// typical is the size in bytes that files of the type most often have; see kindPlan.
	typical int64
	// prefixes begin file names, and extension ends them.
	prefixes  []string
	extension string
}

// mimeTypes is what the generator knows of each of profile.MIMETypes.
var mimeTypes = []mimeType{
	{"image/jpeg", classPhoto, 1_500_000, []string{"IMG_", "IMG_", "IMG_", "PHOTO_"}, ".jpg"},
	{"image/png", classGraphic, 700_000, []string{"IMG_", "PHOTO_", "SCAN_"}, ".png"},
	{"video/mp4", classVideo, 30_000_000, []string{"VID_", "VIDEO_"}, ".mp4"},
	{"application/pdf", classDocument, 250_000, []string{"DOC_", "DOC_", "SCAN_"}, ".pdf"},
	{"video/avi", classVideo, 40_000_000, []string{"VID_", "VIDEO_"}, ".avi"},
}

// kind is a MIME type and a range of sizes that go together.
type kind struct {
	mime  *mimeType
	sizes *dist.Geometric
	upTo  int64 // places below this and not below the kind before are of this kind
}

// kindPlan says which files are of which type and size. The numbers of files of each type and of each
// range of sizes are those of the profile, exactly. Which types have which sizes is as plausible as the
// two allow: with the default weights hardly any picture is larger than 10 MB and no video is smaller than
// a photo.
type kindPlan struct {
	places dist.Perm // file -> place
	kinds  []kind    // the most frequent first
}

func newKindPlan(seed ident.Seed, p *profile.Profile) *kindPlan {
	n := p.Rows.MediaFiles
	types := make([]float64, len(mimeTypes))
	for i := range mimeTypes {
		types[i] = p.Weights.MIMETypes[mimeTypes[i].name]
	}
	ranges := slices.Clone(p.Weights.Sizes)
	slices.SortFunc(ranges, func(a, b profile.SizeRange) int { return cmp.Compare(a.Min, b.Min) })
	sizes := make([]float64, len(ranges))
	prior := make([][]float64, len(types))
	for j, r := range ranges {
		sizes[j] = r.Weight
		for i := range types {
			prior[i] = append(prior[i], affinity(mimeTypes[i].typical, r.Min, r.Max))
		}
	}
	table := dist.Joint(prior, dist.Apportion(n, types), dist.Apportion(n, sizes))

	k := &kindPlan{places: dist.NewPerm(n, uint64(seed.Key("media kinds")))}
	for j, r := range ranges {
		sizes := dist.NewGeometric(r.Min, r.Max)
		for i := range types {
			if table[i][j] > 0 {
				k.kinds = append(k.kinds, kind{mime: &mimeTypes[i], sizes: sizes, upTo: table[i][j]})
			}
		}
	}
	slices.SortStableFunc(k.kinds, func(a, b kind) int { return cmp.Compare(b.upTo, a.upTo) })
	for i := 1; i < len(k.kinds); i++ {
		k.kinds[i].upTo += k.kinds[i-1].upTo
	}
	return k
}

// affinity is how well a range of sizes fits files of a typical size: 1 in a range around it, and a quarter
// of that for each doubling away from it.
func affinity(typical, lo, hi int64) float64 {
	doublings := func(x int64) int { return bits.Len64(uint64(x)) }
	away := 0
	switch {
	case typical < lo:
		away = doublings(lo) - doublings(typical)
	case typical >= hi:
		away = doublings(typical) - doublings(hi) + 1
	}
	a := 1.0
	for range away {
		a /= 4
	}
	return a
}

// of returns the kind of media file i.
func (k *kindPlan) of(i int64) *kind {
	place := k.places.At(i)
	for j := range k.kinds {
		if place < k.kinds[j].upTo {
			return &k.kinds[j]
		}
	}
	return &k.kinds[len(k.kinds)-1]
}

// resolution is a width and a height in pixels.
type resolution struct{ width, height int32 }

// photoSizes are what cameras, phones and screens make, by the number of pixels, landscape and portrait, within
// the 800 to 4096 by 600 to 3072 pixels of the MediaNest performance-testing document.
var photoSizes = []resolution{
	{800, 600}, {1024, 768}, {960, 1280}, {1280, 960}, {1200, 1600}, {1600, 1200}, {1080, 1920}, {1920, 1080}, {1536, 2048},
	{2048, 1536}, {2400, 1600}, {1944, 2592}, {2592, 1944}, {2000, 3000}, {3000, 2000}, {2304, 3072}, {3072, 2304}, {3264, 2448},
	{3840, 2160}, {4000, 2250}, {4000, 3000}, {4032, 3024}, {4096, 3072},
}

// graphicSizes are what screens show and designers draw.
var graphicSizes = []resolution{
	{800, 600}, {800, 800}, {1024, 768}, {1280, 720}, {1080, 1080}, {1366, 768}, {1440, 900}, {1600, 900}, {1080, 1920}, {1920, 1080},
	{1170, 2532}, {1280, 2778}, {1440, 2560}, {2560, 1440}, {2880, 1800}, {2480, 3072}, {3840, 2160}, {4096, 2160}, {4096, 2304}, {4096, 3072},
}

// videoSizes are those of videos, with the bits that a second of ordinary footage takes, in thousands.
var videoSizes = []struct {
	resolution
	kilobits int64
}{
	{resolution{1024, 768}, 900}, {resolution{1280, 720}, 1_200}, {resolution{1280, 720}, 2_000}, {resolution{1080, 1920}, 3_000},
	{resolution{1920, 1080}, 3_000}, {resolution{1920, 1080}, 5_000}, {resolution{2560, 1440}, 9_000}, {resolution{3840, 2160}, 20_000},
}

// picture returns a resolution for an image: the one among those of its type that is nearest to what a file
// of its size would have, or a neighbour of that.
func picture(m *mimeType, size int64, random uint64) resolution {
	dice := ident.Dice(random)
	list := photoSizes
	// Bits per pixel, times 16: a photo takes from 1.5 to 5, a PNG from 3 (drawings) to 18 (photos).
	perPixel := int64(24 + dice.Roll(56))
	if m.class == classGraphic {
		list = graphicSizes
		perPixel = int64(48 + dice.Roll(240))
	}
	pixels := size * 8 * 16 / perPixel
	i := 0
	for i+1 < len(list) && int64(list[i+1].width)*int64(list[i+1].height) <= pixels {
		i++
	}
	i += dice.Roll(3) - 1
	return list[min(max(i, 0), len(list)-1)]
}

// footage returns a resolution and a length in seconds, 1 to 7200, for a video of a size.
func footage(size int64, random uint64) (resolution, int32) {
	dice := ident.Dice(random)
	// Large pictures are for large files.
	choices := min(len(videoSizes), 3+bits.Len64(uint64(size)>>20))
	v := videoSizes[dice.Roll(choices)]
	kilobits := v.kilobits * int64(60+dice.Roll(80)) / 100
	if dice.OneIn(6) { // talks and screen recordings, where little moves
		kilobits /= int64(8 + dice.Roll(16))
	}
	return v.resolution, int32(min(max(size*8/1000/max(1, kilobits), 1), 7200))
}

// appendFilename adds the name that a file is stored under.
func appendFilename(dst []byte, m *mimeType, random uint64) []byte {
	dice := ident.Dice(random)
	dst = append(dst, m.prefixes[dice.Roll(len(m.prefixes))]...)
	dst = appendDigits(dst, uint64(dice.Roll(100_000_000)), 8)
	return append(dst, m.extension...)
}

// Names that cameras, scanners and screens give, with a # for each digit.
var deviceNames = map[string][]string{
	"image/jpeg": {"IMG_####.jpg", "IMG_####.JPG", "DSC_####.JPG", "DSC#####.JPG", "P10#####.JPG", "_MG_####.jpg",
		"PXL_########.jpg", "image####.jpeg", "100_####.JPG"},
	"image/png": {"Screenshot ####.png", "Screenshot_####.png", "Untitled-#.png", "capture_####.png", "export-####.png",
		"Scan ####.png"},
	"video/mp4":       {"MVI_####.MP4", "GX01####.MP4", "VID_########.mp4", "IMG_####.mp4", "DJI_####.MP4", "recording-####.mp4"},
	"application/pdf": {"Scan_####.pdf", "Scan ####.pdf", "DOC########.pdf", "document(#).pdf", "print_####.pdf"},
	"video/avi":       {"MVI_####.AVI", "CLIP####.AVI", "capture-####.avi", "VHS tape ##.avi", "SANY####.AVI"},
}

// appendOriginalName adds the name that a file had where it came from: given by a device, or made from the
// title by a person.
func appendOriginalName(dst []byte, m *mimeType, title []byte, random uint64) []byte {
	dice := ident.Dice(random)
	switch dice.Roll(8) {
	case 0:
		return append(appendSlug(dst, title), m.extension...)
	case 1:
		dst = append(dst, title...)
	case 2:
		dst = append(appendSlug(dst, title), "-v"...)
		dst = append(dst, byte('2'+dice.Roll(5)))
	case 3:
		if m.class != classDocument {
			return appendDeviceName(dst, deviceNames[m.name], &dice)
		}
		dst = append(append(dst, title...), " (final)"...)
	default:
		return appendDeviceName(dst, deviceNames[m.name], &dice)
	}
	return append(dst, m.extension...)
}

func appendDeviceName(dst []byte, names []string, dice *ident.Dice) []byte {
	name := names[dice.Roll(len(names))]
	for {
		at := strings.IndexByte(name, '#')
		if at < 0 {
			return append(dst, name...)
		}
		dst = append(dst, name[:at]...)
		dst = append(dst, byte('0'+dice.Roll(10)))
		name = name[at+1:]
	}
}
