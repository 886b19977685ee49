package report

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	prompb "buf.build/gen/go/prometheus/prometheus/protocolbuffers/go"
	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/proto"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// PushRemoteWrite sends a store's totals by Prometheus's remote write 1.0, as k6's output of the kind does: a counter
// NAME is k6_NAME_total, a rate k6_NAME_rate, a gauge k6_NAME, and a trend one series for each statistic of
// K6_PROMETHEUS_RW_TREND_STATS, such as k6_NAME_p99, in seconds where it measures time. Tags are labels.
// K6_PROMETHEUS_RW_USERNAME and _PASSWORD, or _BEARER_TOKEN, say who sends.
func PushRemoteWrite(to string, store *metrics.Store, tell func(error)) (*Pusher, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("prometheus-rw output: %w", err)
	}
	o := &remoteWrite{to: u, store: store, client: pushClient(), header: remoteWriteHeader(), stats: remoteWriteStats()}
	return startPusher(u, o.push, tell), nil
}

// CheckRemoteWrite tells what is wrong with a URL for PushRemoteWrite, or with the environment.
func CheckRemoteWrite(to string) error {
	if err := checkPushURL(to, "http://localhost:9090/api/v1/write", "K6_PROMETHEUS_RW_USERNAME and K6_PROMETHEUS_RW_PASSWORD"); err != nil {
		return err
	}
	if err := CheckTrendStats(remoteWriteStats()); err != nil {
		return fmt.Errorf("K6_PROMETHEUS_RW_TREND_STATS: %w", err)
	}
	return nil
}

// remoteWriteStats are those of the environment, or k6's.
func remoteWriteStats() []string {
	var stats []string
	for s := range strings.SplitSeq(cmp.Or(os.Getenv("K6_PROMETHEUS_RW_TREND_STATS"), "p(99)"), ",") {
		stats = append(stats, strings.TrimSpace(s))
	}
	return stats
}

func remoteWriteHeader() http.Header {
	h := http.Header{
		"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}, "User-Agent": {"medianest-load"},
		"X-Prometheus-Remote-Write-Version": {"0.1.0"},
	}
	user, password := os.Getenv("K6_PROMETHEUS_RW_USERNAME"), os.Getenv("K6_PROMETHEUS_RW_PASSWORD")
	if token := os.Getenv("K6_PROMETHEUS_RW_BEARER_TOKEN"); token != "" {
		h.Set("Authorization", "Bearer "+token)
	} else if user != "" {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	return h
}

type remoteWrite struct {
	to     *url.URL
	header http.Header
	client *http.Client
	store  *metrics.Store
	stats  []string
}

func (o *remoteWrite) push(ctx context.Context) error {
	defer o.client.CloseIdleConnections()
	for part := range slices.Chunk(o.series(time.Now()), maxPoints) {
		data, err := proto.Marshal(&prompb.WriteRequest{Timeseries: part})
		if err != nil {
			return fmt.Errorf("prometheus-rw output: %w", err)
		}
		if _, err := post(ctx, o.client, o.to, o.header, snappy.Encode(nil, data)); err != nil {
			return err
		}
	}
	return nil
}

// series are the totals, one sample in each.
func (o *remoteWrite) series(now time.Time) []*prompb.TimeSeries {
	var all []*prompb.TimeSeries
	o.store.Each(func(m *metrics.Metric, tags *metrics.TagSet, s *metrics.Sink) {
		if s.Count == 0 {
			return
		}
		add := func(suffix string, value float64) {
			labels := []*prompb.Label{{Name: "__name__", Value: "k6_" + notInNames.ReplaceAllString(m.Name, "_") + suffix}}
			tags.Each(func(name, value string) {
				if value != "" {
					labels = append(labels, &prompb.Label{Name: labelName(name), Value: value})
				}
			})
			// The protocol wants them sorted.
			slices.SortFunc(labels, func(a, b *prompb.Label) int { return cmp.Compare(a.Name, b.Name) })
			all = append(all, &prompb.TimeSeries{Labels: labels, Samples: []*prompb.Sample{{Value: value, Timestamp: now.UnixMilli()}}})
		}
		switch m.Type {
		case metrics.Counter:
			add("_total", s.Sum)
		case metrics.Rate:
			add("_rate", s.RateValue(0))
		case metrics.Gauge:
			add("", s.Last)
		case metrics.Trend:
			scale := 1.0
			if m.Contains == metrics.Time {
				scale = 1000
			}
			for _, stat := range o.stats {
				value, _ := s.Values.Stat(stat) // checked when the flags were
				if stat != "count" {
					value /= scale
				}
				add("_"+statName(stat), value)
			}
		}
	})
	return all
}

// statName is a statistic as a part of a name: p99 of p(99), p99_9 of p(99.9).
func statName(stat string) string {
	return strings.NewReplacer("(", "", ")", "", " ", "", ".", "_").Replace(stat)
}
