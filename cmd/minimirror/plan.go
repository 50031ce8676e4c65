package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fec"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/kinds"
)

const planHelp = `usage: minimirror plan DEFINITION [--output REFERENCE] [--rate RATE]

Shows what build would do with the definition's lock: the number and size of the
items; how much of that is in the cache, and how much would be fetched from each
source; the layers, and the size of those that the previous image does not have; and
how much room is needed and free on the disks of the cache and of the output. With
--rate, it also shows how long the transfers take. It fetches and writes nothing. The
exit code is 1 if a disk lacks room; build would then stop before it fetches anything.

If the definition says "split-by-architecture: true", items for architectures for which
build would make no image do not count; --platform names the platforms.

The sizes do not include the program, the indexes and the catalog, which build creates.

Examples:
  minimirror plan images/docker
  minimirror plan images/docker --output docker://registry.example.org/site/docker:1 --rate 2M
`

func planVerb(ctx context.Context, c *command, args []string) error {
	var output, base string
	once(c.flags, &output, "output", "where the image will go (default oci:out/NAME)")
	once(c.flags, &base, "base", "image whose layers are kept (default: the one that mirror.layers beside the lock describes)")
	platforms := c.flags.StringSlice("platform", nil, "if images carry only the items for their own architecture: platforms of the images, such as linux/amd64,linux/arm64 (default: as for build)")
	compact := c.flags.Bool("compact", false, "keep no layers")
	layerSize := c.flags.String("layer-size", "1G", "maximum size of a new layer with more than one file: bytes, or with K, M or G")
	speed := c.flags.String("rate", "", "speed of the network, to compute times: bytes per second, or with K, M or G")
	registry := registryFlags(c)
	printed := c.flags.String("format", "text", "what to print: text or json")
	if err := c.parse(args, planHelp, 1); err != nil {
		return err
	}
	if err := format(*printed); err != nil {
		return err
	}
	limits, err := layerLimits(*layerSize)
	if err != nil {
		return err
	}
	wanted, err := platformsOf(*platforms, nil)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var rate int64
	if *speed != "" {
		if rate, err = bytesize.Parse(*speed); err != nil {
			return artifact.Usagef("--rate: %w", err)
		}
	}
	follow := builder.Base{Compact: *compact}
	if base != "" {
		ref, err := image.ParseReadable(base)
		if err != nil {
			return err
		}
		follow.Image = &ref
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	ref, err := image.ParseWritable(cmp.Or(output, "oci:out/"+d.Name))
	if err != nil {
		return err
	}
	store, err := cache.Default()
	if err != nil {
		return err
	}
	b := &builder.Builder{Kinds: kinds.All(), Cache: store, Registry: *registry, Base: follow, Layers: limits, Log: c.log(), Program: program, Platforms: wanted}
	f, err := b.Forecast(ctx, d, ref)
	if err != nil {
		return err
	}
	if *printed == "json" {
		err = c.printForecastJSON(f, rate)
	} else {
		err = c.printForecast(d.Name, f, rate)
	}
	if err != nil {
		return err
	}
	return f.Fits()
}

// printForecastJSON prints a forecast with the seconds at a rate; 0: without.
func (c *command) printForecastJSON(f *builder.Forecast, rate int64) error {
	type seconds struct {
		Fetch int64 `json:"fetch"`
		New   int64 `json:"new_layers"`
	}
	out := struct {
		*builder.Forecast
		Rate    int64    `json:"rate,omitempty"`
		Seconds *seconds `json:"seconds,omitempty"`
		Fits    bool     `json:"fits"`
	}{Forecast: f, Rate: rate, Fits: f.Fits() == nil}
	if rate > 0 {
		out.Seconds = &seconds{int64(builder.Duration(f.Fetch.Size, rate).Seconds()), int64(builder.Duration(f.Layers.New, rate).Seconds())}
	}
	return json.NewEncoder(c.stdout).Encode(out)
}

func (c *command) printForecast(name string, f *builder.Forecast, rate int64) error {
	at := func(size int64) string {
		if rate == 0 {
			return ""
		}
		return fmt.Sprintf(", %s at %s/s", builder.Duration(size, rate), bytesize.Text(rate))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", name, counted(f.Items, "item"), quantity(f.Content.Files, "file", f.Content.Size))
	fmt.Fprintf(&b, "in the cache: %s\n", quantity(f.Cached.Files, "file", f.Cached.Size))
	fmt.Fprintf(&b, "to fetch: %s%s\n", quantity(f.Fetch.Files, "file", f.Fetch.Size), at(f.Fetch.Size))
	for _, d := range f.Sources {
		fmt.Fprintf(&b, "  %s: %s\n", d.Source, quantity(d.Files, "file", d.Size))
	}
	fmt.Fprintf(&b, "layers: %d, %s; of the image before: %d; new: %s%s\n", f.Layers.Layers, bytesize.MB(f.Layers.Size), f.Layers.Kept, bytesize.MB(f.Layers.New), at(f.Layers.New))
	for _, d := range f.Disks {
		fmt.Fprintf(&b, "disk of %s: %s will be written, %s are free\n", strings.Join(d.For, " and "), bytesize.MB(d.Needs), bytesize.MB(d.Free))
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}

// exportPlan are the flags of export --plan.
type exportPlan struct {
	is           bool
	rate, format string
}

func (p *exportPlan) declare(c *command) {
	c.flags.BoolVar(&p.is, "plan", false, "write nothing, and show what would be written, and whether there is room")
	once(c.flags, &p.rate, "rate", "with --plan: speed of the media, to compute times: bytes per second, or with K, M or G, such as 20M")
	c.flags.StringVar(&p.format, "format", "text", "with --plan: what to print: text or json")
}

// perSecond parses --rate, also as 20MB/s; 0: none.
func (p *exportPlan) perSecond() (int64, error) {
	if p.rate == "" {
		return 0, nil
	}
	text, _ := strings.CutSuffix(p.rate, "/s")
	text = strings.TrimRight(text, "Bb")
	n, err := bytesize.Parse(text)
	if err != nil {
		return 0, artifact.Usagef("--rate: %w", err)
	}
	return n, nil
}

func (p *exportPlan) check(c *command) error {
	if !p.is && (c.flags.Changed("rate") || c.flags.Changed("format")) {
		return c.wrongUsage("--rate and --format require --plan")
	}
	if _, err := p.perSecond(); err != nil {
		return err
	}
	return format(p.format)
}

// showPlan prints what the export would do. The error says that there is no room.
func (f *exportFlags) showPlan(ctx context.Context, c *command, e *bundle.Exporter) error {
	forecast, err := e.Forecast(ctx)
	if err != nil {
		return err
	}
	if f.share > 0 && e.Share == 0 { // of the stream
		forecast.Parity = bundle.Amount{Size: fec.StreamSize(f.share, forecast.Write.Size) - forecast.Write.Size}
	}
	return f.plan.show(c, forecast)
}

func (p *exportPlan) show(c *command, f *bundle.Forecast) error {
	rate, err := p.perSecond()
	if err != nil {
		return err
	}
	fits := f.Fits()
	if p.format == "json" {
		out := struct {
			*bundle.Forecast
			Rate    int64  `json:"rate,omitempty"`
			Seconds *int64 `json:"seconds,omitempty"` // that writing takes at the rate
			Fits    bool   `json:"fits"`
		}{Forecast: f, Rate: rate, Fits: fits == nil}
		if rate > 0 {
			seconds := int64(bundle.Duration(f.Size(), rate).Seconds())
			out.Seconds = &seconds
		}
		if err := json.NewEncoder(c.stdout).Encode(out); err != nil {
			return err
		}
		return fits
	}
	if _, err := fmt.Fprint(c.stdout, f.Text(rate)); err != nil {
		return err
	}
	return fits
}
