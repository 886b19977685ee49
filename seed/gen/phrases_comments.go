package gen

// What people write below a file. One comment in four has a sentence of followUps behind it.
var (
	imageComments = []string{
		"What {a_good} {shot}!", "What {a_good} {shot}, {owner}!", "{a_good} {shot}, thank you for sharing.", "Love the {image_aspect} here.",
		"Love the {image_aspect} and the {image_aspect}.", "The {image_aspect} is {good}.", "The {image_aspect} in this one is {good}, {owner}.",
		"This {feeling}.", "This {shot} {feeling}.", "Is this in {city}?", "Looks like {city} to me.", "Reminds me of {nature}.",
		"Reminds me of {city} in {season}.", "I was there in {month}, it looked quite different.", "Which camera did you use, {owner}?",
		"Was this taken with {camera}?", "Could I use this for {use}?", "Showed this to {group}, they loved it.", "The {image_aspect} really works.",
		"Not sure about the {image_aspect}, but the mood is {good}.", "I would crop it a little tighter.", "A bit dark on my screen.",
		"How did you get that {image_aspect}?", "Great timing!", "Simple and {good}.", "My favourite of the series.", "Wow, {good}!",
		"{good}!", "Nice one, {owner}.", "You should print this one, {owner}.", "I can almost smell the {flower}.",
		"I'd hang this in my {room}.", "Is there a version without the text?", "That {image_aspect}!", "Saved to my collection.",
		"Seen it {n} times and still find new details.", "{relative} would love this.", "So peaceful.", "Makes a perfect wallpaper.",
	}
	videoComments = []string{
		"What {a_good} video!", "{a_good} clip, thank you for sharing.", "The {video_aspect} is {good}.", "The {video_aspect} is {good}, {owner}.",
		"Love the part at {video_time}.", "Around {video_time} it gets {good}.", "What happens at {video_time}?", "This {feeling}.",
		"This video {feeling}.", "Where was this filmed?", "Was this filmed in {city}?", "Looks like {nature}.", "The sound is a little low.",
		"Could you share the music?", "Which software did you use for the {video_aspect}?", "Watched it {n} times already.",
		"We watched this with {group}.", "Shared it with {group}.", "Is there a longer version?", "Is there a part two, {owner}?",
		"Laughed out loud at {video_time}.", "The {video_aspect} and the {video_aspect} go so well together.", "Did you film this with {camera}?",
		"Very helpful, finally I know how to {task}.", "Clear and to the point.", "A little long, but {good}.", "{good}!", "Well done, {owner}!",
		"More of these, please.", "Can I use a few seconds of it for {use}?", "{relative} asked me to play it again.", "Subtitles would help.",
	}
	documentComments = []string{
		"Thanks, very clear.", "Thanks for the {doc_aspect}, {owner}.", "The {doc_aspect} helps a lot.", "The {doc_aspect} is {good}.",
		"There is a typo in the {doc_aspect}.", "Could you add a sentence about {topic} to the {doc_aspect}?", "Is this the final version?",
		"Is there a newer version, {owner}?", "I think the {doc_aspect} needs another look.", "Looks good to me.", "Approved from the {team} team.",
		"Can we talk about the {doc_aspect} on {weekday}?", "Who is the contact for {topic} questions?", "Forwarded to {group}.",
		"I'd move the {doc_aspect} to the front.", "The figures match what we had in {month}.", "The numbers in the {doc_aspect} look off to me.",
		"Exactly what I was looking for.", "Printed it for {use}.", "Page {n} is missing in my copy.", "Could I get the source file?",
		"Agreed with everything except the {doc_aspect}.", "Used this for {use}, thank you.", "Short and useful.", "Please send the signed copy by {weekday}.",
		"Does this replace the {quarter} version?",
	}
	followUps = []string{
		"Thanks for sharing!", "Keep it up.", "More please!", "Looking forward to the next one.", "Well done.", "Greetings from {city}.",
		"Following you from now on.", "I'll come back to this one.", "Have a nice {weekday}.", "You have a good eye.", "It {feeling}.",
		"Added it to my favourites.", "I showed it to {relative}.", "See you in {city}.", "I learned something.", "Can't wait for {season}.",
	}
	ownerComments = []string{
		"Thanks everyone!", "Thank you all for the kind words.", "Glad you like it.", "Thanks, I'll upload more on {weekday}.",
		"Made with {camera}, since some of you asked.", "It was in {city}, yes.", "A second one is coming soon.", "I fixed the small mistake you found.",
		"New version uploaded.", "Feel free to use it for {use}.", "Credit goes to {first} as well.", "Thanks, {first} helped me with it.",
	}
	privateNotes = []string{
		"Note to self: crop before sharing.", "Ask {first} before making this public.", "Needs a better title.", "Send a copy to {relative}.",
		"Keep for {use}.", "Replace this with the version from {month}.", "Check the {doc_aspect} again.", "Still waiting for {first}'s answer.",
		"Print {n} copies for {group}.", "Good candidate for the {season} album.", "Delete after {month}.", "Backup is on the old drive.",
	}
)
