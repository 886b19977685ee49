package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// testCollection is the name of collection 1, which the suites search for. It belongs to user 1, is public
// and has only public files.
const testCollection = "Test Collection"

// testCollectionItems is how many files collection 1 has, if there are enough.
const testCollectionItems = 12

// publicCollections is the percentage of collections that everybody may see.
const publicCollections = 60

// collectionPlan says which collections there are. Collections are told apart by index, from 0 in the order
// of ids.
type collectionPlan struct {
	key     ident.Key
	firstID int64
	// fixed is 1 if collection 0 is the test collection.
	fixed      int64
	fixedItems int64
	owners     ownership   // of the others
	sizes      dist.Perm   // index - fixed -> rank by size
	items      *dist.Quota // item - fixedItems -> rank by size
}

func newCollectionPlan(seed ident.Seed, p *profile.Profile, firstID int64, users *userPlan) *collectionPlan {
	c := &collectionPlan{key: seed.Key("collections"), firstID: firstID}
	n, items, largest := p.Rows.Collections, p.Rows.CollectionItems, p.LargestCollection()
	if firstID == 1 && n > 0 && users.accounts > 0 {
		c.fixed = 1
		// More than usual if the others are too few to hold the rest.
		c.fixedItems = max(min(testCollectionItems, items, largest), items-(n-1)*largest)
	}
	others := n - c.fixed
	c.owners = newOwnership(users, seed.Key("collection owners"), others, dist.Tail(30))
	c.sizes = dist.NewPerm(others, uint64(seed.Key("collection sizes")))
	c.items = dist.NewQuota(items-c.fixedItems, others, largest, dist.Tail(30))
	return c
}

// Columns of the randomness of a collection's row.
const (
	collectionCreated = iota
	collectionUpdated
	collectionName
	collectionDescription
	collectionPublic
	collectionContents
)

// collection is what items need to know of a collection.
type collection struct {
	index   int64
	owner   userRef
	life    life // the owner's
	created int64
}

func (d *Dataset) collection(i int64) collection {
	c := d.collections
	if i < c.fixed {
		owner := d.users.at(0)
		l := d.users.life(owner)
		return collection{index: i, owner: owner, life: l, created: l.created + hour}
	}
	owner, _, _ := c.owners.owner(i - c.fixed)
	l := d.users.life(owner)
	created := l.created + ident.Below(c.key.Row(i).Col(collectionCreated), l.seen-l.created+1)
	return collection{index: i, owner: owner, life: l, created: created}
}

// itemCount returns the number of items of a collection.
func (c *collectionPlan) itemCount(i int64) int64 {
	if i < c.fixed {
		return c.fixedItems
	}
	_, n := c.items.Span(c.sizes.At(i - c.fixed))
	return n
}

// itemOf returns the collection that item i is in, its place there from 0, and the collection's size.
func (c *collectionPlan) itemOf(i int64) (collection, place, size int64) {
	if i < c.fixedItems {
		return 0, i, c.fixedItems
	}
	rank, place := c.items.Owner(i - c.fixedItems)
	_, size = c.items.Span(rank)
	return c.fixed + c.sizes.Inverse(rank), place, size
}

// Collection fills c with collection i, counted from 0.
func (d *Dataset) Collection(i int64, c *Collection) {
	col := d.collection(i)
	row := d.collections.key.Row(i)
	c.ID = d.collections.firstID + i
	c.UserID = d.users.id(col.owner)
	c.CreatedAt = col.created
	c.UpdatedAt = col.created + ident.Below(row.Col(collectionUpdated), col.life.seen-col.created+1)
	c.Description = c.Description[:0]
	if i < d.collections.fixed {
		c.Name = append(c.Name[:0], testCollection...)
		c.Public = true
		return
	}
	dice := row.Dice(collectionName)
	c.Name = d.phrases.collections.append(c.Name[:0], &dice, about{})
	if dice := row.Dice(collectionDescription); dice.Roll(100) < 45 {
		c.Description = d.phrases.collectionDescriptions.append(c.Description, &dice, about{})
	}
	c.Public = ident.Below(row.Col(collectionPublic), 100) < publicCollections
}

// CollectionItem fills ci with collection item i, counted from 0.
func (d *Dataset) CollectionItem(i int64, ci *CollectionItem) {
	index, place, size := d.collections.itemOf(i)
	c := d.collection(index)
	f := d.item(&c, place, size)
	ci.CollectionID = d.collections.firstID + index
	ci.MediaID = d.media.id(f.index)
	ci.Position = int32(place + 1)
	from := max(c.created, f.created)
	ci.AddedAt = from
	if until := c.life.seen; until > from {
		ci.AddedAt += ident.Below(d.collections.key.Row(index).Col(collectionContents+1+uint8(place%128)), until-from+1)
	}
}

// item returns the file at a place, from 0, of a collection of a size.
//
// The first places hold files of the owner, a run of neighbours in the order of upload, as an album does.
// The others hold public files of other people: the public files are dealt into as many piles as there are
// such places, and each place takes one from its own pile. So no file is twice in a collection, and nothing
// has to be remembered. Profile.LargestCollection is small enough for every pile to have more files than
// the owner, and therefore one that is not the owner's.
func (d *Dataset) item(c *collection, place, size int64) media {
	m := d.media
	row := d.collections.key.Row(c.index)
	random := row.Col(collectionContents)
	dice := ident.Dice(random)
	owned := m.owners.count(c.owner)
	var own int64
	switch taste := dice.Roll(10); {
	case c.index < d.collections.fixed: // public files only
	case taste < 4:
		own = size
	case taste < 8:
		own = size / 2
	}
	own = min(own, owned)
	others := min(size-own, m.public/(owned+1))
	own = size - others
	if place < own {
		first := int64(dice.Roll(int(owned)))
		return d.file(m.owners.row(c.owner, (first+place)%owned))
	}
	pile := (place - own + int64(dice.Roll(int(others)))) % others
	height := m.public / others
	from := ident.Cubed(ident.Mix(random+uint64(place)), height)
	for try := int64(0); ; try++ {
		f := d.publicFile((from+try)%height*others + pile)
		// Uploaded in time for the owner to see it, if a few tries find one such.
		if f.owner != c.owner && (f.created <= c.life.seen || try >= 6) {
			return f
		}
	}
}
