package gen

// tagClass says which files a tag fits.
type tagClass uint8

const (
	tagGeneral tagClass = iota // any file
	tagImage
	tagVideo
	tagDocument
)

// fixedTags are the tags of ids 1, 2, 3 and so on, the most popular ones of their classes.
var fixedTags = []struct {
	name  string
	class tagClass
}{{"photo", tagImage}, {"image", tagImage}, {"video", tagVideo}, {"document", tagDocument}, {"test", tagGeneral}}

// tagCycle is the classes of the tags after the fixed ones, over and over.
var tagCycle = [10]tagClass{tagImage, tagGeneral, tagVideo, tagImage, tagDocument, tagGeneral, tagImage, tagVideo, tagGeneral, tagImage}

// tagWords are the names of one class: single words first, then every pair first-second.
type tagWords struct {
	single, first, second []string
}

// nameTag returns the name and the class of the tag with an id. Names depend on the id alone, not on the
// seed, so that no two runs that fill one database give the same name twice.
func nameTag(dst []byte, id int64) ([]byte, tagClass) {
	if id <= int64(len(fixedTags)) {
		t := fixedTags[id-1]
		return append(dst, t.name...), t.class
	}
	turn, place := (id-int64(len(fixedTags))-1)/int64(len(tagCycle)), int((id-int64(len(fixedTags))-1)%int64(len(tagCycle)))
	class := tagCycle[place]
	perCycle, before := int64(0), int64(0)
	for i, c := range tagCycle {
		if c == class {
			perCycle++
			if i < place {
				before++
			}
		}
	}
	w := &tagVocabulary[class]
	n := turn*perCycle + before
	if n < int64(len(w.single)) {
		return append(dst, w.single[n]...), class
	}
	n -= int64(len(w.single))
	firsts, seconds := int64(len(w.first)), int64(len(w.second))
	again := n / (firsts * seconds)
	n %= firsts * seconds
	dst = append(dst, w.first[n%firsts]...)
	dst = append(dst, '-')
	// Both words change from one tag to the next, and still every pair comes once.
	dst = append(dst, w.second[(n/firsts+n%firsts)%seconds]...)
	if again > 0 {
		dst = append(dst, '-')
		dst = appendInt(dst, again+1)
	}
	return dst, class
}

var tagVocabulary = [4]tagWords{
	tagGeneral: {
		single: []string{"family", "travel", "work", "holiday", "friends", "summer", "winter", "home", "school", "music", "food", "sport",
			"garden", "birthday", "wedding", "spring", "autumn", "nature", "city", "project", "archive", "favourite", "shared", "private",
			"draft", "final", "todo", "important", "backup", "kids", "pets", "office", "art", "history", "science", "books", "craft", "design",
			"health", "fitness", "cooking", "hiking", "cycling", "camping", "concert", "festival", "museum", "party", "weekend", "lisbon",
			"kyoto", "vienna", "oslo", "prague", "edinburgh", "lima", "hanoi", "seoul", "cusco", "bergen", "porto", "naples", "seville", "riga"},
		first: []string{"family", "summer", "winter", "spring", "autumn", "weekend", "holiday", "birthday", "wedding", "school", "office",
			"team", "charity", "city", "country", "village", "island", "mountain", "river", "coast", "garden", "kitchen", "studio", "museum",
			"local", "annual", "monthly", "first", "last", "personal", "client", "community"},
		second: []string{"trip", "memories", "ideas", "notes", "event", "party", "project", "archive", "collection", "story", "album", "diary",
			"highlights", "moments", "journey", "days", "plans", "meeting", "evening", "morning", "visit", "tour", "break", "things", "people"},
	},
	tagImage: {
		single: []string{"landscape", "portrait", "sunset", "macro", "black-and-white", "street", "architecture", "wildlife", "night", "panorama",
			"selfie", "screenshot", "illustration", "wallpaper", "logo", "icon", "sketch", "painting", "poster", "infographic", "sunrise", "bokeh",
			"minimal", "abstract", "flowers", "birds", "skyline", "beach", "forest", "snow", "rain", "clouds", "stars", "reflection", "silhouette",
			"texture", "pattern", "colour", "shadow", "light", "film", "polaroid", "hdr", "long-exposure", "close-up", "aerial", "still-life",
			"graffiti", "bridge", "harbour", "castle", "church", "market", "train", "bicycle", "boat", "lighthouse", "waterfall", "lake", "meadow"},
		first: []string{"golden", "misty", "vintage", "quiet", "urban", "rural", "frozen", "wild", "old", "modern", "hidden", "bright", "dark",
			"foggy", "rainy", "sunny", "stormy", "painted", "wooden", "stone", "red", "blue", "green", "white", "yellow", "rusty", "tiny",
			"narrow", "moonlit", "abandoned"},
		second: []string{"forest", "street", "harbour", "mountain", "lake", "field", "bridge", "door", "window", "tower", "garden", "beach",
			"river", "village", "market", "station", "car", "boat", "house", "roof", "wall", "path", "valley", "island", "cliff", "barn",
			"church", "castle", "meadow", "square", "stairs", "alley", "canal", "pier", "sky", "tree", "leaves", "flower", "bird", "horse"},
	},
	tagVideo: {
		single: []string{"clip", "tutorial", "vlog", "timelapse", "drone", "interview", "recital", "trailer", "livestream", "slow-motion",
			"animation", "documentary", "gameplay", "webinar", "screencast", "music-video", "behind-the-scenes", "unboxing", "review", "recap",
			"speech", "dance", "concert-video", "cover-song", "short-film", "stop-motion", "4k", "gopro", "home-video", "highlights-reel"},
		first: []string{"cooking", "travel", "fitness", "guitar", "piano", "gardening", "coding", "design", "skiing", "surfing", "cycling",
			"climbing", "wedding-day", "graduation", "product", "conference", "repair", "makeup", "yoga", "baking", "painting", "camping",
			"science", "history", "language", "puppy", "aquarium", "railway", "football", "theatre"},
		second: []string{"tutorial", "vlog", "clip", "lesson", "timelapse", "interview", "trailer", "recap", "stream", "demo", "walkthrough",
			"basics", "tips", "challenge", "session", "rehearsal", "reel", "teaser", "talk", "course"},
	},
	tagDocument: {
		single: []string{"invoice", "contract", "report", "receipt", "manual", "budget", "minutes", "proposal", "letter", "certificate", "tax",
			"insurance", "warranty", "recipe", "itinerary", "thesis", "lecture", "slides", "newsletter", "cv", "form", "agreement", "quote",
			"policy", "handbook", "checklist", "roadmap", "survey", "statement", "scan"},
		first: []string{"travel", "tax", "bank", "medical", "legal", "rental", "project", "sales", "hiring", "security", "marketing", "course",
			"annual", "quarterly", "household", "vehicle", "energy", "client", "board", "research"},
		second: []string{"report", "invoice", "receipts", "contract", "form", "summary", "plan", "statement", "policy", "minutes", "budget",
			"checklist", "proposal", "records", "letter"},
	},
}
