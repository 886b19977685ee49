package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// privateComments is the percentage of comments that owners leave below their own private files.
const privateComments = 3

// commentPlan says which files have comments. Public files have them as they have views, by place. A few
// private ones have one.
type commentPlan struct {
	key     ident.Key
	firstID int64
	rows    dist.Perm   // comment -> slot
	public  *dist.Quota // slot -> place of a public file
	private *dist.Quota // slot - public.Items() -> place of a private file - number of public ones
}

func newCommentPlan(seed ident.Seed, p *profile.Profile, firstID int64) *commentPlan {
	n, public := p.Rows.Comments, p.PublicMedia()
	private := p.Rows.MediaFiles - public
	notes := min(n*privateComments/100, private)
	if public == 0 {
		notes = n
	}
	return &commentPlan{
		key: seed.Key("comments"), firstID: firstID,
		rows:    dist.NewPerm(n, uint64(seed.Key("comment slots"))),
		public:  dist.NewQuota(n-notes, public, n, popularity),
		private: dist.NewQuota(notes, private, n, dist.Even),
	}
}

// placeOf returns the place of the file that comment i is about.
func (c *commentPlan) placeOf(i int64) int64 {
	slot := c.rows.At(i)
	if slot < c.public.Items() {
		place, _ := c.public.Owner(slot)
		return place
	}
	place, _ := c.private.Owner(slot - c.public.Items())
	return c.public.Owners() + place
}

// about returns how many comments the file at a place has, and the first of their slots.
func (c *commentPlan) about(place int64) (slot, count int64) {
	if place < c.public.Owners() {
		return c.public.Span(place)
	}
	slot, count = c.private.Span(place - c.public.Owners())
	return c.public.Items() + slot, count
}

// Columns of the randomness of a comment's row.
const (
	commentAuthor = iota
	commentCreated
	commentUpdated
	commentBody
)

// remark is what other tables need to know of a comment.
type remark struct {
	index   int64
	file    media
	author  userRef
	life    life // the author's
	created int64
}

// remark returns comment i.
func (d *Dataset) remark(i int64) remark {
	row := d.comments.key.Row(i)
	r := remark{index: i, file: d.publicFile(d.comments.placeOf(i))}
	r.author, r.life = r.file.owner, r.file.life
	if dice := row.Dice(commentAuthor); r.file.public && !dice.OneIn(16) {
		// Busy people comment more. The author must have been there after the upload; the owner always was.
		random := uint64(dice)
		for range 4 {
			author := d.users.atRank(ident.Squared(random, d.users.seen))
			if l := d.users.life(author); l.seen > r.file.created {
				r.author, r.life = author, l
				break
			}
			random = ident.Mix(random)
		}
	}
	from := max(r.file.created, r.life.created)
	r.created = from + ident.Squared(row.Col(commentCreated), r.life.seen-from+1)
	return r
}

// Comment fills c with comment i, counted from 0.
func (d *Dataset) Comment(i int64, c *Comment) {
	r := d.remark(i)
	row := d.comments.key.Row(i)
	c.ID = d.comments.firstID + i
	c.MediaID = d.media.id(r.file.index)
	c.UserID = d.users.id(r.author)
	c.CreatedAt = r.created
	c.UpdatedAt = r.created
	if dice := row.Dice(commentUpdated); dice.OneIn(20) { // corrected soon after
		c.UpdatedAt += ident.Below(uint64(dice), min(hour, d.asOf-r.created)+1)
	}
	dice := row.Dice(commentBody)
	switch {
	case !r.file.public:
		c.Body = d.phrases.notes.append(c.Body[:0], &dice, about{})
	case r.author == r.file.owner:
		c.Body = d.phrases.replies.append(c.Body[:0], &dice, about{})
	default:
		k := d.media.kinds.of(r.file.index)
		a := about{owner: d.givenName(r.file.owner)}
		if k.mime.class == classVideo {
			file := d.media.key.Row(r.file.index)
			_, a.seconds = footage(k.sizes.At(file.Col(mediaSize)), file.Col(mediaPicture))
		}
		c.Body = d.phrases.comments[k.mime.class].append(c.Body[:0], &dice, a)
		if dice.OneIn(4) {
			c.Body = append(c.Body, ' ')
			c.Body = d.phrases.followUps.append(c.Body, &dice, about{})
		}
	}
}
