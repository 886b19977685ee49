package gen

import (
	"math/bits"

	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// mediaPlan says which media files there are. Files are told apart by index, from 0 in the order of ids.
//
// A shuffle gives every file a place. Places below public are public files, from the most popular to the
// least; the other places are private ones. The place decides the views and the share of comments, and
// going backwards from places finds public files, popular ones first, without a search.
type mediaPlan struct {
	key     ident.Key
	firstID int64
	count   int64
	places  dist.Perm
	public  int64
	owners  ownership
	kinds   *kindPlan
	views   []int64 // public place / public, in steps of 1/(len-1) -> views * viewUnit
}

// mostViews is the number of views of the most popular file, from the MediaNest performance-testing document.
const mostViews = 10_000

const (
	viewSteps = 2048
	viewUnit  = 1 << 16
)

// described is the percentage of files that have a description.
const described = 55

// popularity is how views and comments are spread over public files, the most popular first: the first 1 %
// have 45 % of all.
var popularity = dist.Tail(200)

func newMediaPlan(seed ident.Seed, p *profile.Profile, firstID int64, users *userPlan) *mediaPlan {
	n := p.Rows.MediaFiles
	m := &mediaPlan{
		key: seed.Key("media_files"), firstID: firstID, count: n,
		places: dist.NewPerm(n, uint64(seed.Key("media places"))),
		public: p.PublicMedia(),
		owners: newOwnership(users, seed.Key("media owners"), n, dist.Tail(100)),
		kinds:  newKindPlan(seed, p),
	}
	least := popularity(1)
	for i := range viewSteps + 1 {
		share := (popularity(float64(i)/viewSteps) - least) / (1 - least)
		m.views = append(m.views, int64(share*(mostViews*viewUnit)))
	}
	return m
}

// media is what other tables need to know of a file.
type media struct {
	index   int64
	owner   userRef
	life    life // the owner's
	created int64
	place   int64
	public  bool
}

// Columns of the randomness of a media file's row.
const (
	mediaCreated = iota
	mediaUpdated
	mediaAccessed
	mediaSize
	mediaPicture
	mediaFilename
	mediaTitle
	mediaOriginalName
	mediaDescription
	mediaViews
	mediaTagging
)

// file returns file i. Its owner uploads files in the order of ownership over the time between the first
// and the last login.
func (d *Dataset) file(i int64) media {
	m := d.media
	owner, nth, count := m.owners.owner(i)
	l := d.users.life(owner)
	f := media{index: i, owner: owner, life: l, place: m.places.At(i)}
	f.public = f.place < m.public
	span := l.seen - l.created
	step := span / count
	f.created = l.created + nth*step + ident.Below(m.key.Row(i).Col(mediaCreated), step)
	return f
}

// publicFile returns the file at a place in the order of popularity.
func (d *Dataset) publicFile(place int64) media {
	return d.file(d.media.places.Inverse(place))
}

// id returns the id of a file by index.
func (m *mediaPlan) id(index int64) int64 { return m.firstID + index }

// viewCount returns how often a file has been viewed: by its place among the public ones and by its age;
// private ones are viewed by their owners only.
func (d *Dataset) viewCount(f *media, row ident.Row) int64 {
	m := d.media
	dice := row.Dice(mediaViews)
	if !f.public {
		return ident.Cubed(uint64(dice), 30)
	}
	// Between two points of the table. place < public, so this is below viewSteps.
	hi, lo := bits.Mul64(uint64(f.place), viewSteps)
	step, rest := bits.Div64(hi, lo, uint64(m.public))
	from, to := m.views[step], m.views[step+1]
	v := from - scale(from-to, rest, uint64(m.public))
	// Up to two fifths less, so that places don't tell views exactly, and less for the files of the last days.
	v = v / 1024 * int64(615+dice.Roll(410))
	age := (d.asOf - f.created) / hour
	v = v * age / (age + 48)
	return min(mostViews, (v+int64(dice.Roll(viewUnit)))/viewUnit)
}

// scale returns n * part / whole for part < whole.
func scale(n int64, part, whole uint64) int64 {
	hi, lo := bits.Mul64(uint64(n), part)
	q, _ := bits.Div64(hi, lo, whole)
	return int64(q)
}

// appendTitle adds the title of a file.
func (d *Dataset) appendTitle(dst []byte, m *mimeType, row ident.Row) []byte {
	dice := row.Dice(mediaTitle)
	return d.phrases.titles[m.class].append(dst, &dice, about{})
}

// shape returns the resolution and the length in seconds of a file, 0 for what it does not have.
func shape(m *mimeType, size int64, row ident.Row) (r resolution, seconds int32) {
	switch m.class {
	case classPhoto, classGraphic:
		return picture(m, size, row.Col(mediaPicture)), 0
	case classVideo:
		return footage(size, row.Col(mediaPicture))
	}
	return resolution{}, 0
}

// MediaFile fills m with media file i, counted from 0.
func (d *Dataset) MediaFile(i int64, m *MediaFile) {
	f := d.file(i)
	k := d.media.kinds.of(i)
	row := d.media.key.Row(i)
	m.ID = d.media.id(i)
	m.UserID = d.users.id(f.owner)
	m.Filename = appendFilename(m.Filename[:0], k.mime, row.Col(mediaFilename))
	m.Title = d.appendTitle(m.Title[:0], k.mime, row)
	m.OriginalName = appendOriginalName(m.OriginalName[:0], k.mime, m.Title, row.Col(mediaOriginalName))
	m.MIMEType = k.mime.name
	m.Size = k.sizes.At(row.Col(mediaSize))
	var r resolution
	r, m.Duration = shape(k.mime, m.Size, row)
	m.Width, m.Height = r.width, r.height
	m.Description = m.Description[:0]
	if dice := row.Dice(mediaDescription); dice.Roll(100) < described {
		m.Description = d.phrases.descriptions[k.mime.class].append(m.Description, &dice, about{seconds: m.Duration})
		if dice.OneIn(4) {
			m.Description = append(m.Description, ' ')
			m.Description = d.phrases.afterthoughts.append(m.Description, &dice, about{})
		}
	}
	m.ViewCount = d.viewCount(&f, row)
	m.Public = f.public
	m.CreatedAt = f.created
	m.UpdatedAt = f.created
	if dice := row.Dice(mediaUpdated); dice.Roll(10) < 3 {
		m.UpdatedAt += ident.Below(uint64(dice), f.life.seen-f.created+1)
	}
	m.LastAccessed = 0
	if m.ViewCount > 0 {
		until := d.asOf
		if !f.public { // only the owner can have been there
			until = f.life.seen
		}
		m.LastAccessed = until - ident.Cubed(row.Col(mediaAccessed), until-f.created+1)
	}
}
