package gen

// What people write below a file. One comment in four has a sentence of followUps behind it.
var (
	photoComments = []string{
		"What {a_good} {shot}!", "What {a_good} {shot}, {owner}!", "{a_good} {shot}, thank you for sharing.", "Love the {image_aspect} here.",
		"Love the {image_aspect} and the {image_aspect}.", "The {image_aspect} is {good}.", "The {image_aspect} in this one is {good}, {owner}.",
		"This {feeling}.", "This {shot} {feeling}.", "Reminds me of {city}.", "Reminds me of {nature}.",
		"I was there in {month}, it looked quite different.",
		"Which camera did you use, {owner}?", "Was this taken with {camera}?", "Could I use this for {use}?",
		"Showed this to {group}, they loved it.",
		"The {image_aspect} really works.", "Not sure about the {image_aspect}, but the mood is {good}.", "I would crop it a little tighter.",
		"A bit dark on my screen.", "How did you get that {image_aspect}?", "Great timing!", "Simple and {good}.", "My favourite of the series.",
		"Wow, {good}!", "{good}!", "Nice one, {owner}.", "You should print this one, {owner}.", "I'd hang this in my {room}.",
		"That {image_aspect}!", "Saved to my collection.", "Seen it {n} times and still find new details.", "{relative} would love this.",
		"So peaceful.", "Makes a perfect wallpaper.", "Is there one in landscape format?", "The {image_aspect}, {owner}, the {image_aspect}!",
		"You were lucky with the {image_aspect}.", "I stood at the same spot once and got nothing like it.", "Best thing I saw this {weekday}.",
	}
	graphicComments = []string{
		"The {graphic_aspect} is {good}.", "The {graphic_aspect} and the {graphic_aspect} work well together.",
		"I like the {graphic_aspect}, {owner}.",
		"Could you try something else for the {graphic_aspect}?", "The {graphic_aspect} still bothers me a little.",
		"Is there a version without the text?",
		"Is there a version with a dark background?", "Could I have it as a vector file?", "Looks {good} on my phone.",
		"A bit small on my phone.",
		"Draft {n} was better, to be honest.", "Better than draft {n}!", "Used it for {use}, thank you.", "Could I use this for {use}?",
		"{group} voted for this one.", "Showed it to {group}, they liked the {graphic_aspect}.", "What {a_good} design!",
		"What {a_good} design, {owner}!",
		"Clean and simple.", "Please send it to {first} as well.", "The {team} team says yes.",
		"Can we talk about the {graphic_aspect} on {weekday}?",
		"Which typeface is this?", "Which program did you draw this with, {owner}?", "I would give the {graphic_aspect} more room.",
		"Now I understand it at last.", "This {feeling}.", "{good}!", "Nice one, {owner}.", "Saved for later.",
		"There is a typo in the second line.",
	}
	videoComments = []string{
		"What {a_good} video!", "{a_good} clip, thank you for sharing.", "The {video_aspect} is {good}.",
		"The {video_aspect} is {good}, {owner}.",
		"Love the part at {time}.", "Around {time} it gets {good}.", "What happens at {time}?", "This {feeling}.",
		"This video {feeling}.", "Which part did {first} film?", "The {video_aspect} at the start is {good}.", "The sound is a little low.",
		"Could you share the music?", "Which software did you use for the {video_aspect}?", "Watched it {n} times already.",
		"We watched this with {group}.", "Shared it with {group}.", "Is there a longer version?", "Is there a part two, {owner}?",
		"Laughed out loud at {time}.", "The {video_aspect} and the {video_aspect} go so well together.", "Did you film this with {camera}?",
		"Watched it with the sound off and missed half of it.", "Clear and to the point.", "A little long, but {good}.", "{good}!",
		"Well done, {owner}!",
		"More of these, please.", "Can I use a few seconds of it for {use}?", "{relative} asked me to play it again.", "Subtitles would help.",
	}
	documentComments = []string{
		"Thanks, very clear.", "Thanks for the {doc_aspect}, {owner}.", "The {doc_aspect} helps a lot.", "The {doc_aspect} is {clear}.",
		"The {doc_aspect} is {clear}, {owner}.",
		"There is a typo in the {doc_aspect}.", "Could you add a sentence about {topic} to the {doc_aspect}?", "Is this the final version?",
		"Is there a newer version, {owner}?", "I think the {doc_aspect} needs another look.", "Looks good to me.",
		"Approved from the {team} team.",
		"Can we talk about the {doc_aspect} on {weekday}?", "Who is the contact for {topic} questions?", "Forwarded to {group}.",
		"I'd move the {doc_aspect} to the front.", "The figures match what we had in {month}.", "The numbers in the {doc_aspect} look off to me.",
		"Exactly what I was looking for.", "Printed it for {use}.", "Page {n} is missing in my copy.", "Could I get the source file?",
		"Agreed with everything except the {doc_aspect}.", "Used this for {use}, thank you.", "Short and useful.",
		"Please send the signed copy by {weekday}.",
		"Does this replace the {quarter} version?",
	}
	followUps = []string{
		"Thanks for sharing!", "Keep it up.", "More please!", "Looking forward to the next one.", "Well done.", "Greetings from {city}.",
		"Following you from now on.", "I'll come back to this one.", "Have a nice {weekday}.", "Added it to my favourites.",
		"I showed it to {relative}.", "See you in {city}.", "See you on {weekday}.", "Hope to see more in {season}.", "Say hello to {first}.",
	}
	ownerComments = []string{
		"Thanks everyone!", "Thank you all for the kind words.", "Glad you like it.", "Thanks, I'll upload more on {weekday}.",
		"Some of you asked: yes, {first} was there too.", "A second one is coming soon.", "I fixed the small mistake you found.",
		"A new version is up.", "Feel free to use it for {use}.", "Credit goes to {first} as well.", "Thanks, {first} helped me with it.",
	}
	privateNotes = []string{
		"Note to self: rename before sharing.", "Ask {first} before making this public.", "Needs a better title.", "Send a copy to {relative}.",
		"Keep for {use}.", "Replace this with the version from {month}.", "Check this again on {weekday}.", "Still waiting for {first}'s answer.",
		"Print {n} copies for {group}.", "Good candidate for the {season} album.", "Delete after {month}.", "Backup is on the old drive.",
	}
)
