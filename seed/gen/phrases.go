package gen

// Titles of media files.
var (
	photoTitles = []string{
		"{scene} over {city}", "{scene} in {city}", "{scene} in {nature}", "{scene} near {spot}", "{look} {subject}",
		"{look} {subject} in {city}", "{subject} near {city}", "{spot}, {city}", "{spot} at {season}'s end", "walking through {city}",
		"{city} from above", "{city} by night", "rooftops of {city}", "a {weekday} in {city}", "{season} in {nature}", "{month} in {nature}",
		"{bird} at {spot}", "{bird} in {nature}", "{first} and the {bird}", "{first} in {city}", "{first} with {relative}",
		"{first}'s {event}", "{event} at {spot}", "{relative} at the {event}", "{outdoors} in {nature}",
		"{flower} in {month}", "{flower} from the garden", "{flower} at the market", "homemade {dish}", "{dish} in {city}",
		"{dish} for {n}", "homemade {fruit} jam", "our {pet} {first}", "{first} the {pet}", "{pet} in the {room}", "the new {room}",
		"{room} before and after", "{farm_animal} near {city}", "old {subject}", "{craft} evening", "my first attempt at {craft}",
		"{instrument} lesson", "view from the hotel, {city}", "street art in {city}", "market day in {city}",
	}
	graphicTitles = []string{
		"{project} {graphic}", "{project} {graphic}, draft {n}", "{project} {screen}", "{project} {screen}, version {n}",
		"screenshot of the {screen}", "{screen} before and after", "{screen} in dark mode", "{graphic} for the {event}",
		"{graphic} for {company}", "{graphic} for the {team} team", "{event} {graphic}", "{topic} chart, {quarter}",
		"{quarter} {topic} infographic", "map of {city}", "map of {nature}", "walking tour of {city}, map", "{room} floor plan",
		"{season} sale banner", "{event} invitation", "pixel art {bird}", "pixel art {pet}", "{flower}, illustration", "{bird} sticker",
		"{look} {subject}, digital painting", "{scene} over {city}, digital painting", "{dish} recipe card", "{first}'s avatar",
		"{craft} pattern, page {n}", "scan of {relative}'s photo album", "{subject}, line drawing", "{subject} icon",
		"error message in the {screen}", "{team} team calendar, {month}",
	}
	videoTitles = []string{
		"{event} in {city}", "{first}'s {event}", "{first}'s first steps", "{first}'s first {sport} lesson", "drone flight over {city}",
		"drone flight over {nature}", "time-lapse of {scene} in {city}", "{scene} over {city}, time-lapse", "how to {task}",
		"how to {task}, part {n}", "{outdoors} in {nature}", "{outdoors} in {nature}, day {n}", "{season} weekend in {city}",
		"walking tour of {city}", "tram ride through {city}", "train ride through {nature}", "{pet} meets {pet}", "our {pet} and the {fruit}",
		"{instrument} recital by {first}", "{instrument} cover, take {n}", "{event} speech by {first}", "{relative} tells a story",
		"{project} product demo", "{project} sprint review", "{team} team town hall", "screen recording of the {screen}",
		"webinar: {topic} in {quarter}", "unboxing the {appliance}", "{appliance} repair", "making {dish}", "{dish} in 15 minutes",
		"{craft} for beginners", "{craft} for beginners, part {n}", "{bird} feeding its young", "{room} makeover", "street music in {city}",
		"surprise for {relative}", "trip to {nature}", "trip to {city} with {first}", "{season} highlights",
	}
	documentTitles = []string{
		"{quarter} {topic} {paper}", "{topic} {paper}", "{topic} {paper}, {month}", "{month} {topic} {paper}", "{project} {paper}",
		"{project} {topic} {paper}", "{team} team {paper}", "meeting notes, {team} team", "meeting notes with {company}",
		"{company} proposal", "{company} invoice", "{company} {agreement}", "invoice from {company}", "quote from {company}",
		"{agreement}", "{agreement}, {first} {last}", "{agreement}, signed", "CV of {first} {last}", "letter to {company}",
		"{appliance} manual", "{appliance} receipt", "how to {task}", "{event} programme", "{event} guest list", "{event} seating plan",
		"travel itinerary {city}", "hotel booking {city}", "guide to {city}", "{city} walking map", "hiking guide to {nature}",
		"{dish} recipe", "{relative}'s recipes", "{craft} workbook", "{craft} patterns", "{instrument} sheet music", "essay on {nature}",
		"thesis chapter {n}", "lecture notes, week {n}", "{month} newsletter", "{season} catalogue",
	}
)

// Descriptions of media files. One in four has one of the afterthoughts behind it.
var (
	photoDescriptions = []string{
		"Taken with {camera}.", "Taken on a {weekday} with {camera}.", "We stayed until it got dark.", "{first} spotted this first.",
		"Part of a series, number {n}.", "Best seen full screen.", "From a long weekend with {first} and {first}.",
		"Hardly anybody was there.", "Edited a little: {image_aspect} and {image_aspect}.", "No filter, just {camera}.",
		"For {relative}, who could not come along.", "Found while tidying up the {room}.", "One of {n} that I kept.",
		"{first} wanted a copy, so here it is.", "Cropped for {use}.", "We almost walked past it.", "It rained five minutes later.",
		"My favourite from that {weekday}.", "Waited {n}0 minutes for this.", "It looked even better in real life.",
	}
	graphicDescriptions = []string{
		"Draft {n}, made for {use}.", "Made on a {weekday} evening.", "Drawn by {first}.", "Designed together with {first} and {first}.",
		"The {team} team asked for this.", "The colours may still change.", "Please use the version with the lighter background.",
		"Made for {use}.", "Exported at full size.", "With the changes from {weekday}.", "Approved by {first} {last}.",
		"Transparent background.", "For {group}.", "The text still needs a check.", "Version {n}, replaces the earlier ones.",
	}
	videoDescriptions = []string{
		"Filmed with {camera}.", "Filmed on a {weekday}.", "The best part starts at {time}.",
		"Recorded for {relative}, who could not come along.", "Music by {first} on the {instrument}.", "Uncut, sorry for the wind.",
		"Edited down from {n} hours.", "Watch until the end.", "Turn the sound on.",
		"{first} holds the camera.", "A recording for {group}.", "Made for {use}.",
		"Subtitles will follow.", "{first} did the {video_aspect}.", "My first video with {camera}.",
	}
	documentDescriptions = []string{
		"Please read before {weekday}.", "Draft, comments welcome until {weekday}.", "Final version, agreed with {first} {last}.",
		"Replaces the version from {month}.", "Prepared by the {team} team.", "Scanned from paper, {n} pages.", "For {use}.",
		"The numbers are from {month}.", "Signed copy is with {first}.", "See the appendix for the details.", "Shared with {company}.",
		"Confidential, please don't pass it on.", "Printed {n} copies for {group}.", "Covers {month} and the {quarter} outlook.",
	}
	afterthoughts = []string{
		"Comments are welcome.", "More to follow.", "Thanks to {first} for the help.", "Free to use with credit.",
		"Please ask before using it.", "Tell me what you think.", "{first} has the original.", "Sorry for the wait.",
	}
)

// Collections.
var (
	collectionNames = []string{
		"{city}", "{city} in {season}", "{nature}", "{season} in {nature}", "weekend in {city}", "best of {city}", "best of {season}",
		"{first}'s {event}", "{event}", "{event} photos", "family", "family and friends", "our {pet} {first}", "{flower} and gardens",
		"{craft}", "{craft} ideas", "{sport}", "{outdoors} in {nature}", "recipes", "{dish} and more", "favourites", "to print",
		"for {relative}", "inspiration", "{room} ideas", "wallpapers", "black and white", "{project}", "{project} assets",
		"{project} {paper}", "{quarter} {topic}", "{team} team", "work in progress", "{company}", "{month} uploads", "street life",
		"{bird} and other birds", "on the road", "road trip through {nature}", "{instrument} practice", "scans and receipts",
		"paperwork", "tutorials", "{look} places",
	}
	collectionDescriptions = []string{
		"Everything worth keeping from {month}.", "My favourites, in no particular order.", "Still sorting, more to come.",
		"Shared with {group}.", "Collected for {use}.", "The best {n}0 of a few hundred.", "Our trip with {first} and {first}.",
		"Ideas and references.", "For {relative}.", "Mostly taken with {camera}.", "Please ask before using any of these.",
		"Updated every {weekday}.",
	}
)

// Messages of notifications. What they quote is added in code.
var (
	digestMessages = []string{
		"Your weekly summary is ready.", "Your {month} summary is ready.", "New in your collections this {weekday}.",
		"Files that people liked this week.", "You have {n} unfinished drafts.",
	}
	systemMessages = []string{
		"You have used {n}0% of your storage.", "Maintenance is planned for {weekday} at 02:00.", "Your settings were changed.",
		"Your password was changed.", "A backup of your files has finished.", "Your export is ready to download.",
		"Our terms of service have changed.",
	}
)

// searches are what people look for.
var searches = []string{
	"{city}", "{city} {season}", "{nature}", "{flower}", "{scene}", "{bird}", "{dish}", "{event}", "{first}", "{project} {graphic}",
	"{topic} {paper}", "{quarter} {paper}", "{sport}", "{subject}", "{look} {subject}", "{agreement}", "{company}", "how to {task}",
}

// phraseBook is all phrases, ready to be filled in.
type phraseBook struct {
	titles, descriptions, comments      [classes]phrases
	afterthoughts                       phrases
	collections, collectionDescriptions phrases
	followUps, replies, notes           phrases
	digests, system                     phrases
	searches                            phrases
}

func newPhraseBook(words map[string][]string) (*phraseBook, error) {
	b := &phraseBook{}
	for _, list := range []struct {
		into  *phrases
		texts []string
	}{
		{&b.titles[classPhoto], photoTitles},
		{&b.titles[classGraphic], graphicTitles},
		{&b.titles[classVideo], videoTitles},
		{&b.titles[classDocument], documentTitles},
		{&b.descriptions[classPhoto], photoDescriptions},
		{&b.descriptions[classGraphic], graphicDescriptions},
		{&b.descriptions[classVideo], videoDescriptions},
		{&b.descriptions[classDocument], documentDescriptions},
		{&b.comments[classPhoto], photoComments},
		{&b.comments[classGraphic], graphicComments},
		{&b.comments[classVideo], videoComments},
		{&b.comments[classDocument], documentComments},
		{&b.afterthoughts, afterthoughts},
		{&b.collections, collectionNames},
		{&b.collectionDescriptions, collectionDescriptions},
		{&b.followUps, followUps},
		{&b.replies, ownerComments},
		{&b.notes, privateNotes},
		{&b.digests, digestMessages},
		{&b.system, systemMessages},
		{&b.searches, searches},
	} {
		var err error
		if *list.into, err = compile(words, list.texts); err != nil {
			return nil, err
		}
	}
	return b, nil
}
