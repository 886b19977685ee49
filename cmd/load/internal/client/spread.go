package client

// Spread returns a Host that stands for several, over which the users are spread evenly: see Of. It has the URL of
// the first. What belongs to no user, such as set-up, goes to hosts[lead].
func Spread(hosts []*Host, lead int) *Host {
	if len(hosts) == 1 {
		return hosts[0]
	}
	return &Host{URL: hosts[0].URL, members: hosts, lead: lead}
}

// Several tells whether the host stands for several.
func (h *Host) Several() bool { return len(h.members) > 0 }

// Of returns the host of a user with a number from 1: the users take turns, so that each keeps the connection to
// one host, and the same one in every run. The number 0 is nobody's.
func (h *Host) Of(user int) *Host {
	switch {
	case len(h.members) == 0:
		return h
	case user < 1:
		return h.members[h.lead]
	}
	return h.members[(user-1)%len(h.members)]
}
