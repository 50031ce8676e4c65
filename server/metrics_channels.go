package server

import "github.com/prometheus/client_golang/prometheus"

// A channelCollector tells how many clients read each channel of the mirror, and how many read others of its system only. It
// implements prometheus.Collector.
type channelCollector struct{ server *Server }

var channelClients = prometheus.NewDesc("minimirror_channel_clients",
	"Clients since the start that have read a channel of the mirror (state reading), or others of its system and not this one (state lacking).",
	[]string{"kind", "source", "channel", "state"}, nil)

func (channelCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- channelClients
}

func (c channelCollector) Collect(values chan<- prometheus.Metric) {
	for _, row := range c.server.summary.ChannelTotals(c.server.offered) {
		for state, count := range map[string]int{"reading": row.Reading, "lacking": row.Lacking} {
			values <- prometheus.MustNewConstMetric(channelClients, prometheus.GaugeValue, float64(count), row.Kind, row.Source, row.Name, state)
		}
	}
}
