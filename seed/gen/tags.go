package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// tagPlan says which tags there are and which files have them. Memory grows with the number of tags, not
// of files or of media_tags.
type tagPlan struct {
	key      ident.Key
	firstID  int64
	count    int64
	asOf     int64
	files    dist.Perm   // file -> rank by number of tags
	taggings *dist.Quota // row of media_tags -> rank
	// fitting lists the indexes of the tags that fit a class of files, in the order of ids, which is that of
	// popularity, and other lists those that don't.
	fitting, other [classes][]int32
}

// decks is how many decks the tags that fit a file are dealt into; see tag.
const decks = 8

func newTagPlan(seed ident.Seed, p *profile.Profile, firstID, asOf int64) *tagPlan {
	t := &tagPlan{key: seed.Key("tags"), firstID: firstID, count: p.Rows.Tags, asOf: asOf}
	t.files = dist.NewPerm(p.Rows.MediaFiles, uint64(seed.Key("tagged media")))
	t.taggings = dist.NewQuota(p.Rows.MediaTags, p.Rows.MediaFiles, p.Rows.Tags, dist.Fall)
	fits := [classes]tagClass{classPhoto: tagImage, classGraphic: tagImage, classVideo: tagVideo, classDocument: tagDocument}
	var name []byte
	for i := range t.count {
		var tag tagClass
		name, tag = nameTag(name[:0], firstID+i)
		for c := range classes {
			if tag == tagGeneral || tag == fits[c] {
				t.fitting[c] = append(t.fitting[c], int32(i))
			} else {
				t.other[c] = append(t.other[c], int32(i))
			}
		}
	}
	return t
}

// Tag fills t with tag i, counted from 0. Tags came into use one after the other.
func (d *Dataset) Tag(i int64, t *Tag) {
	p := d.tags
	step := (history - newest) / p.count
	t.ID = p.firstID + i
	t.Name, _ = nameTag(t.Name[:0], t.ID)
	t.CreatedAt = p.asOf - history + i*step + ident.Below(p.key.Row(i).Col(0), step)
}

// MediaTag fills mt with media tag i, counted from 0.
func (d *Dataset) MediaTag(i int64, mt *MediaTag) {
	rank, nth := d.tags.taggings.Owner(i)
	_, count := d.tags.taggings.Span(rank)
	file := d.tags.files.Inverse(rank)
	mt.MediaID = d.media.id(file)
	mt.TagID = d.tags.firstID + d.tag(file, nth, count)
}

// tag returns the index of the nth of the count tags of a file.
//
// The tags that fit are dealt into decks in turn, the most popular on top. The file takes one from each
// deck, starting somewhere, so that its tags differ. From the top of a deck the tags are taken far more often.
// A file with many tags takes neighbours in a circle instead, and after those that fit it takes others.
func (d *Dataset) tag(file, nth, count int64) int64 {
	class := d.media.kinds.of(file).mime.class
	fitting := d.tags.fitting[class]
	n := int64(len(fitting))
	if nth >= n {
		return int64(d.tags.other[class][nth-n])
	}
	random := d.media.key.Row(file).Col(mediaTagging)
	if count > decks || n < 2*decks {
		return int64(fitting[(ident.Fourth(random, n)+nth)%n])
	}
	deck := (int64(random%decks) + nth) % decks
	depth := ident.Fourth(ident.Mix(random+uint64(nth)), (n-deck+decks-1)/decks)
	return int64(fitting[depth*decks+deck])
}
