package recommend

import (
	"fmt"

	"github.com/medianest/testbed/cmd/load/internal/report"
)

// The bounds of the rules on the API and on what clients get.
const (
	errorRate     = 0.05  // the document's limit of the error rate
	unavailable   = 0.001 // what its target of 99.9 % leaves
	limited       = 0.01  // share of requests that were answered with 429
	slowP95       = 1000  // ms, the document's limit
	slowRequests  = 20    // of fewer, p95 is the slowest one
	busyShare     = 0.05  // of all requests' time, from which an endpoint is worth naming
	tailRatio     = 10    // p99 to p50
	tailP99       = 200   // ms, from which a tail matters
	tailRequests  = 1000  // below which p99 is a handful of requests
	largeAnswer   = 50e3  // bytes; a list of 20 files has 8 kB
	largeRequests = 20    // of an endpoint, for its answers to be looked at
)

const tooMany = "429"

// failures looks at requests that failed, whatever the reason, but for those that were limited.
func failures(f *facts) []Recommendation {
	all, of := f.failed(func(x report.Failure) bool { return x.Status != tooMany })
	if of <= unavailable {
		return nil
	}
	priority, limit := High, "0.1 %, which an availability of 99.9 % leaves"
	if of > errorRate {
		priority, limit = Critical, "5 %"
	}
	evidence := []string{fmt.Sprintf("%s of the requests failed; the limit is %s", percent(of), limit)}
	return []Recommendation{{
		Category: API, Priority: priority, Effort: High,
		Title:       "Reduce the error rate",
		Description: "Requests fail that should not.",
		Impact:      "Users see fewer errors, and do not try again, which makes load of its own.",
		Implementation: []string{
			"Look up the failures below in the target's log, by time and X-Correlation-Id",
			"Answer overload early with 503 and Retry-After, instead of late with errors",
			"Put time-outs and circuit breakers around what the API depends on",
		},
		Evidence: append(evidence, quoteFailures(all)...),
	}}
}

// quoteFailures words the most frequent failures.
func quoteFailures(all []report.Failure) []string {
	var quoted []string
	for _, x := range all[:min(len(all), 5)] {
		what := "status " + x.Status
		if x.Kind != "" {
			what = x.Kind
		}
		quoted = append(quoted, fmt.Sprintf("%d times %s: %s", x.Count, x.Endpoint, what))
	}
	return quoted
}

func rateLimit(f *facts) []Recommendation {
	all, of := f.failed(func(x report.Failure) bool { return x.Status == tooMany })
	if of < limited {
		return nil
	}
	return []Recommendation{{
		Category: API, Priority: High, Effort: Low,
		Title:       "Raise the rate limit, or test within it",
		Description: "The target's rate limiter refuses requests, so that the rest of the figures are those of the limiter.",
		Impact:      "The test reaches the target, and real clients are not refused what they need.",
		Implementation: []string{
			"Exempt the load generator from the limiter in test environments",
			"Let each user have a limit of its own, instead of each address: --unique-logins makes users of their own",
			"Let clients heed Retry-After and the RateLimit headers",
		},
		Evidence: append([]string{fmt.Sprintf("%s of the requests were answered with 429", percent(of))}, quoteFailures(all)...),
	}}
}

func wrongData(f *facts) []Recommendation {
	if f.Verified == nil || f.Verified.Wrong == 0 {
		return nil
	}
	evidence := []string{fmt.Sprintf("%d of %d verified answers were wrong", f.Verified.Wrong, f.Verified.Checked)}
	for _, m := range f.Verified.Mismatches[:min(len(f.Verified.Mismatches), 3)] {
		evidence = append(evidence, m.String())
	}
	return []Recommendation{{
		Category: API, Priority: Critical, Effort: Medium,
		Title:       "Answer with the right data under load",
		Description: "Answers differ from the rows that must be there.",
		Impact:      "Nothing else matters while users get wrong, stale or other people's data.",
		Implementation: []string{
			"Look for state that requests share: caches keyed too coarsely, buffers used again, globals",
			"Read your own writes from the primary, and give caches a bounded age",
			"Repeat with one user: what is wrong then too is no matter of load",
		},
		Evidence: evidence,
	}}
}

// responseTime looks at the 95th percentile, of all requests and of each endpoint that takes a good part of the time.
func responseTime(f *facts) []Recommendation {
	h := f.trend("http_req_duration")
	if h == nil {
		return nil
	}
	priority := Medium
	var evidence []string
	if p95 := h.Quantile(0.95); p95 > slowP95 && h.Count() >= slowRequests {
		priority = High
		evidence = append(evidence, fmt.Sprintf("http_req_duration: p95 %.0f ms, the limit is %d ms", p95, slowP95))
	}
	gain := 0.0
	for _, e := range f.endpoints {
		if e.share < busyShare || e.Requests < slowRequests || e.P95 <= slowP95 || len(evidence) > 5 {
			continue
		}
		gain += e.share * (1 - slowP95/e.P95)
		evidence = append(evidence, fmt.Sprintf("%s: p50 %.0f ms, p95 %.0f ms, %s of the time of all requests", e.Label, e.P50, e.P95, percent(e.share)))
	}
	if len(evidence) == 0 {
		return nil
	}
	return []Recommendation{{
		Category: API, Priority: priority, Effort: Medium, Gain: gain,
		Title:       "Make slow answers faster",
		Description: "Users wait longer than MediaNest allows.",
		Impact:      "Pages appear sooner; fewer users give up.",
		Implementation: []string{
			"Begin with the endpoint that takes the most time, the first one below",
			"Find out where its time goes: Server-Timing, statements, waits; the other recommendations name what was seen of that",
			"Cache what many ask for and seldom changes",
			"Do in the background what the answer does not need",
		},
		Evidence: evidence,
	}}
}

// longTail looks for answers that are quick for most and slow for some.
func longTail(f *facts) []Recommendation {
	var evidence []string
	gain := 0.0
	for _, e := range f.endpoints {
		if e.share < busyShare || e.Requests < tailRequests || e.P99 < tailP99 || e.P99 < tailRatio*e.P50 || len(evidence) > 5 {
			continue
		}
		gain += e.share * max(0, 1-e.P50/e.Mean)
		evidence = append(evidence, fmt.Sprintf("%s: p50 %.1f ms, p99 %.0f ms, longest %.0f ms", e.Label, e.P50, e.P99, e.Max))
	}
	if len(evidence) == 0 {
		return nil
	}
	return []Recommendation{{
		Category: API, Priority: Medium, Effort: Medium, Gain: gain,
		Title:       "Shorten the tail",
		Description: "Most answers are quick, and one in a hundred takes many times as long.",
		Impact:      "Who makes several requests for a page meets the tail on most pages.",
		Implementation: []string{
			"Look for queues: the connection pool, locks, a full processor, collections of garbage",
			"Give everything a deadline, and shed load before queues grow",
			"Compare slow and quick requests of one endpoint in the traces: parameters, users, sizes",
		},
		Evidence: evidence,
	}}
}

// payload looks for answers that are large. The requests are for JSON: contents of files are not looked at.
func payload(f *facts) []Recommendation {
	var evidence []string
	bytes, all := 0.0, 0.0
	for _, e := range f.endpoints {
		all += e.bytes * float64(e.Requests)
		if e.bytes < largeAnswer || e.Requests < largeRequests || len(evidence) > 5 {
			continue
		}
		bytes += e.bytes * float64(e.Requests)
		evidence = append(evidence, fmt.Sprintf("%s: %.0f kB an answer, %d answers", e.Label, e.bytes/1e3, e.Requests))
	}
	if len(evidence) == 0 {
		return nil
	}
	receiving := 0.0
	if h := f.trend("http_req_receiving"); h != nil {
		receiving = share(h.Sum(), f.requestTime)
	}
	return []Recommendation{{
		Category: Frontend, Priority: Medium, Effort: Low, Gain: receiving * share(bytes, all),
		Title:       "Send smaller answers",
		Description: "Answers are so large that clients wait for their transfer, the more the slower their network.",
		Impact:      fmt.Sprintf("%s of all that was transferred was these answers; on a phone they are most of the waiting.", percent(share(bytes, all))),
		Implementation: []string{
			"Page lists, and leave out what the page does not show",
			"Compress JSON with gzip or zstd",
			"Let clients revalidate with ETag instead of fetching again",
		},
		Evidence: evidence,
	}}
}
