package look_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/medianest/testbed/mockapi/look"
	"github.com/medianest/testbed/mockapi/look/looktest"
)

// A page of everything that the package draws, under a policy that allows no styles but the sheet.
func TestInABrowser(t *testing.T) {
	points := wave(300, 0)
	for i := 100; i < 120; i++ {
		points[i].Y = math.NaN()
	}
	body := `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Look</title>
<link rel="stylesheet" href="look.css"><main><h1>Look</h1>
<dl class="cards"><div><dt>Requests</dt><dd>5,200/s</dd><dd>312,000 in all</dd></div><div><dt>Failed</dt><dd class="fail">7.5 %</dd></div></dl>
<div class="scroll" tabindex="0" role="region" aria-label="Operations"><table><caption>Operations</caption><thead><tr><th scope="col">Operation</th><th scope="col" class="number">Requests</th><th scope="col">Share</th></tr></thead>
<tbody><tr><th scope="row"><code>GET /api/v1/collections/:id/items/:mediaId/with/a/long/path</code></th><td class="number">1,234</td><td>40 % ` + string(look.Bar(.4)) + `</td></tr></tbody></table></div>
<p class="actions"><button aria-pressed="true">errors</button> <button>off</button></p><div class="grid">`
	six := look.Chart{Title: "Six", Log: true, Unit: look.Milliseconds}
	for i := range 6 {
		six.Lines = append(six.Lines, look.Line{Name: fmt.Sprint("line ", i+1), Points: wave(300, float64(i))})
	}
	tail := make([]look.XY, 0, 8)
	for _, p := range []float64{0, 50, 75, 90, 95, 99, 99.9, 99.99} {
		tail = append(tail, look.XY{X: p, Y: 5 / math.Sqrt(1-p/100)})
	}
	gaps := latency(300)
	gaps.Lines[0].Points = points
	for _, c := range []look.Chart{
		gaps, six,
		{Title: "By percentile", XAxis: look.Percentile, Unit: look.Milliseconds, Lines: []look.Line{{Name: "all", Points: tail}}},
		{Title: "Nothing", Unit: look.Bytes},
	} {
		figure, err := c.Figure()
		if err != nil {
			t.Fatal(err)
		}
		body += string(figure)
	}
	body += `</div></main></html>`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'")
		switch r.URL.Path {
		case "/":
			_, _ = w.Write([]byte(body))
		case "/look.css":
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			_, _ = w.Write([]byte(look.Stylesheet()))
		default: // a favicon
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer s.Close()
	p := looktest.Open(t)
	p.Go(s.URL)
	strokes := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		p.Prefer(scheme)
		for i := 1; i <= 6; i++ {
			strokes[looktest.Eval[string](p, fmt.Sprintf(`getComputedStyle(document.querySelector('svg[role=img] path.line-%d')).stroke`, i))] = true
		}
	}
	if len(strokes) != 12 {
		t.Errorf("six lines in light and dark have the colours %v", strokes)
	}
	p.WantLook()
	if roles := p.WantAccess(); roles["image"] != 4 {
		t.Errorf("four charts are %d images: %v", roles["image"], roles)
	}
	p.WantNoProblems()
}
