package gen

// What a load runner asks to know the right answer beforehand. Rows are named by index, counted from 0, of
// which the id is FirstID plus the index. Every answer takes a few steps whatever the size of the dataset.

// MediaCount returns how many media files a user owns.
func (d *Dataset) MediaCount(user int64) int64 {
	return d.media.owners.count(d.users.at(user))
}

// MediaOf returns the nth media file of a user in the order of upload, 0 <= nth < MediaCount.
func (d *Dataset) MediaOf(user, nth int64) int64 {
	return d.media.owners.row(d.users.at(user), nth)
}

// PublicMediaCount returns how many media files are public.
func (d *Dataset) PublicMediaCount() int64 { return d.media.public }

// PopularMedia returns the public media file at a place in the order of popularity, 0 <= place <
// PublicMediaCount. Views and comments fall with the place, views not strictly.
func (d *Dataset) PopularMedia(place int64) int64 { return d.media.places.Inverse(place) }

// CollectionCount returns how many collections a user owns.
func (d *Dataset) CollectionCount(user int64) int64 {
	n := d.collections.owners.count(d.users.at(user))
	if user == 0 {
		n += d.collections.fixed
	}
	return n
}

// CollectionOf returns the nth collection of a user, 0 <= nth < CollectionCount.
func (d *Dataset) CollectionOf(user, nth int64) int64 {
	if user == 0 {
		if nth < d.collections.fixed {
			return nth
		}
		nth -= d.collections.fixed
	}
	return d.collections.fixed + d.collections.owners.row(d.users.at(user), nth)
}

// ItemCount returns how many items a collection has.
func (d *Dataset) ItemCount(collection int64) int64 { return d.collections.itemCount(collection) }

// ItemOf returns the media file at a position, counted from 1 to ItemCount, of a collection.
func (d *Dataset) ItemOf(collection, position int64) int64 {
	c := d.collection(collection)
	return d.item(&c, position-1, d.collections.itemCount(collection)).index
}

// TagCount returns how many tags a media file has.
func (d *Dataset) TagCount(media int64) int64 {
	_, n := d.tags.taggings.Span(d.tags.files.At(media))
	return n
}

// TagOf returns the nth tag of a media file, 0 <= nth < TagCount.
func (d *Dataset) TagOf(media, nth int64) int64 {
	return d.tag(media, nth, d.TagCount(media))
}

// CommentCount returns how many comments a media file has.
func (d *Dataset) CommentCount(media int64) int64 {
	_, n := d.comments.about(d.media.places.At(media))
	return n
}

// CommentOf returns the nth comment of a media file, 0 <= nth < CommentCount, in no particular order.
func (d *Dataset) CommentOf(media, nth int64) int64 {
	slot, _ := d.comments.about(d.media.places.At(media))
	return d.comments.rows.Inverse(slot + nth)
}
