package report

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	exporting "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/medianest/testbed/cmd/load/internal/metrics"
)

// PushOTLP sends a store's totals by OTLP over HTTP, as k6's OpenTelemetry output does: metrics have k6's names and
// tags are attributes; a counter is a sum, a gauge a gauge, a rate a sum whose attribute condition is zero or nonzero,
// and a trend an exponential histogram, in milliseconds where it measures time. All are cumulative from start on. A
// URL without a path is that of a collector, which takes metrics at /v1/metrics. OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_EXPORTER_OTLP_METRICS_HEADERS and OTEL_SERVICE_NAME are heeded.
func PushOTLP(to string, store *metrics.Store, start time.Time, tell func(error)) (*Pusher, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("otel output: %w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/metrics"
	}
	o := &otlpOutput{to: u, store: store, start: start, client: pushClient()}
	if o.header, err = otlpHeaders(); err != nil {
		return nil, fmt.Errorf("otel output: %w", err)
	}
	o.resource = &resource.Resource{Attributes: []*common.KeyValue{attribute("service.name", serviceName())}}
	return startPusher(u, o.push, tell), nil
}

func serviceName() string {
	if name := os.Getenv("OTEL_SERVICE_NAME"); name != "" {
		return name
	}
	return "medianest-load"
}

type otlpOutput struct {
	to       *url.URL
	header   http.Header
	client   *http.Client
	store    *metrics.Store
	start    time.Time
	resource *resource.Resource
}

// CheckOTLP tells what is wrong with a URL for PushOTLP, or with the environment.
func CheckOTLP(to string) error {
	if err := checkPushURL(to, "http://localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS"); err != nil {
		return err
	}
	_, err := otlpHeaders()
	return err
}

// otlpHeaders are those of every request and those of the environment: lists of name=value, separated by commas and
// escaped as in URLs.
func otlpHeaders() (http.Header, error) {
	h := http.Header{"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"gzip"}, "User-Agent": {"medianest-load"}}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"} {
		for pair := range strings.SplitSeq(os.Getenv(variable), ",") {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			name, value, ok := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
				return nil, fmt.Errorf("%s is no list of name=value, separated by commas", variable) // its values are secrets
			}
			h.Set(name, value)
		}
	}
	return h, nil
}

// push sends the totals, in several requests where there are many.
func (o *otlpOutput) push(ctx context.Context) error {
	defer o.client.CloseIdleConnections()
	for _, request := range o.requests(time.Now()) {
		data, err := proto.Marshal(request)
		if err != nil {
			return fmt.Errorf("otel output: %w", err)
		}
		var body bytes.Buffer
		z := gzip.NewWriter(&body)
		_, err = z.Write(data)
		if err := errors.Join(err, z.Close()); err != nil { // into memory
			return fmt.Errorf("otel output: %w", err)
		}
		answer, err := post(ctx, o.client, o.to, o.header, body.Bytes())
		if err != nil {
			return err
		}
		var said exporting.ExportMetricsServiceResponse
		if proto.Unmarshal(answer, &said) == nil { // some answer with text
			if n := said.GetPartialSuccess().GetRejectedDataPoints(); n > 0 {
				return fmt.Errorf("send metrics to %s: %d data points were rejected: %s", o.to.Redacted(), n, said.GetPartialSuccess().GetErrorMessage())
			}
		}
	}
	return nil
}

// requests are the totals, maxPoints in each.
func (o *otlpOutput) requests(now time.Time) []*exporting.ExportMetricsServiceRequest {
	var all []*exporting.ExportMetricsServiceRequest
	var scope *otlp.ScopeMetrics
	var byName map[string]*otlp.Metric
	points := 0
	begin, end := uint64(o.start.UnixNano()), uint64(now.UnixNano())
	o.store.Each(func(m *metrics.Metric, tags *metrics.TagSet, s *metrics.Sink) {
		if s.Count == 0 {
			return
		}
		if points%maxPoints == 0 {
			scope, byName = &otlp.ScopeMetrics{Scope: &common.InstrumentationScope{Name: "medianest-load"}}, make(map[string]*otlp.Metric)
			all = append(all, &exporting.ExportMetricsServiceRequest{ResourceMetrics: []*otlp.ResourceMetrics{{
				Resource: o.resource, ScopeMetrics: []*otlp.ScopeMetrics{scope},
			}}})
		}
		points++
		into := byName[m.Name]
		if into == nil {
			into = otlpMetric(m)
			byName[m.Name] = into
			scope.Metrics = append(scope.Metrics, into)
		}
		var attributes []*common.KeyValue
		tags.Each(func(name, value string) {
			if value != "" {
				attributes = append(attributes, attribute(name, value))
			}
		})
		addPoint(into, s, attributes, begin, end)
	})
	return all
}

func attribute(name, value string) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// otlpMetric is a metric without data points.
func otlpMetric(m *metrics.Metric) *otlp.Metric {
	o := &otlp.Metric{Name: m.Name, Unit: map[metrics.Contains]string{metrics.Time: "ms", metrics.Data: "By"}[m.Contains]}
	const cumulative = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	switch m.Type {
	case metrics.Counter, metrics.Rate:
		o.Data = &otlp.Metric_Sum{Sum: &otlp.Sum{AggregationTemporality: cumulative, IsMonotonic: true}}
	case metrics.Gauge:
		o.Data = &otlp.Metric_Gauge{Gauge: new(otlp.Gauge)}
	default:
		o.Data = &otlp.Metric_ExponentialHistogram{ExponentialHistogram: &otlp.ExponentialHistogram{AggregationTemporality: cumulative}}
	}
	return o
}

func addPoint(into *otlp.Metric, s *metrics.Sink, attributes []*common.KeyValue, begin, end uint64) {
	number := func(value float64) *otlp.NumberDataPoint {
		return &otlp.NumberDataPoint{Attributes: attributes, StartTimeUnixNano: begin, TimeUnixNano: end, Value: &otlp.NumberDataPoint_AsDouble{AsDouble: value}}
	}
	switch s.Type {
	case metrics.Counter:
		into.GetSum().DataPoints = append(into.GetSum().DataPoints, number(s.Sum))
	case metrics.Gauge:
		into.GetGauge().DataPoints = append(into.GetGauge().DataPoints, number(s.Last))
	case metrics.Rate:
		for condition, n := range map[string]uint64{"nonzero": s.Passes, "zero": s.Count - s.Passes} {
			p := number(0)
			p.Attributes = append(attributes[:len(attributes):len(attributes)], attribute("condition", condition))
			p.Value = &otlp.NumberDataPoint_AsInt{AsInt: int64(n)}
			into.GetSum().DataPoints = append(into.GetSum().DataPoints, p)
		}
	case metrics.Trend:
		p := exponential(s.Values)
		p.Attributes, p.StartTimeUnixNano, p.TimeUnixNano = attributes, begin, end
		h := into.GetExponentialHistogram()
		h.DataPoints = append(h.DataPoints, p)
	}
}

// Buckets of exponential histograms: how many OpenTelemetry's SDKs have at most, and the finest scale, at which they
// are about as wide as those of metrics.Histogram.
const (
	maxBuckets = 160
	maxScale   = 10
)

// exponential makes an exponential histogram of OpenTelemetry's data model: at scale s, bucket i holds what is above
// base^i and up to base^(i+1), base being 2^(2^-s). The scale is the finest at which maxBuckets are enough.
func exponential(h *metrics.Histogram) *otlp.ExponentialHistogramDataPoint {
	sum, low, high := h.Sum(), h.Min(), h.Max()
	p := &otlp.ExponentialHistogramDataPoint{Count: h.Count(), Sum: &sum, Min: &low, Max: &high}
	p.Positive, p.Negative = new(otlp.ExponentialHistogramDataPoint_Buckets), new(otlp.ExponentialHistogramDataPoint_Buckets)
	var smallest, largest [2]float64 // by sign: positive, negative
	side := func(value float64) int { return map[bool]int{true: 1}[value < 0] }
	h.Each(func(value float64, n uint64) bool {
		i, size := side(value), math.Abs(value)
		switch {
		case value == 0:
			p.ZeroCount = n
		case largest[i] == 0:
			smallest[i], largest[i] = size, size
		default:
			smallest[i], largest[i] = min(smallest[i], size), max(largest[i], size)
		}
		return true
	})
	for p.Scale = maxScale; ; p.Scale-- {
		fits := true
		for i := range smallest {
			fits = fits && (largest[i] == 0 || bucket(largest[i], p.Scale)-bucket(smallest[i], p.Scale) < maxBuckets)
		}
		if fits {
			break
		}
	}
	sides := [2]*otlp.ExponentialHistogramDataPoint_Buckets{p.Positive, p.Negative}
	for i, b := range sides {
		if largest[i] > 0 {
			b.Offset = bucket(smallest[i], p.Scale)
			b.BucketCounts = make([]uint64, bucket(largest[i], p.Scale)-b.Offset+1)
		}
	}
	h.Each(func(value float64, n uint64) bool {
		if value != 0 {
			b := sides[side(value)]
			b.BucketCounts[bucket(math.Abs(value), p.Scale)-b.Offset] += n
		}
		return true
	})
	return p
}

// bucket is the index of the bucket that a value, which is more than 0, is in.
func bucket(value float64, scale int32) int32 {
	return int32(math.Ceil(math.Log2(value)*math.Exp2(float64(scale)))) - 1
}
