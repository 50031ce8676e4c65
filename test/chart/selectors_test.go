package chart

import (
	"maps"
	"slices"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policies "k8s.io/api/policy/v1"
	machinery "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// checkSelectors: what chooses the server's pods chooses them, and nothing else.
func checkSelectors(t *testing.T, w *workload, all []runtime.Object, release string) {
	t.Helper()
	selectors := map[string]*machinery.LabelSelector{"workload": w.selector}
	for _, c := range w.template.Spec.TopologySpreadConstraints {
		selectors["spread over "+c.TopologyKey] = c.LabelSelector
	}
	if a := w.template.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for _, term := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			selectors["hard anti-affinity"] = term.LabelSelector
		}
		for _, term := range a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			selectors["soft anti-affinity"] = term.PodAffinityTerm.LabelSelector
		}
	}
	others := []labels.Set{}
	services := map[string]*core.Service{}
	for _, o := range all {
		switch o := o.(type) {
		case *core.Service:
			services[o.Name] = o
			selectors["Service "+o.Name] = &machinery.LabelSelector{MatchLabels: o.Spec.Selector}
			for _, p := range o.Spec.Ports {
				if !slices.ContainsFunc(w.container().Ports, func(c core.ContainerPort) bool { return c.Name == p.TargetPort.StrVal }) {
					t.Errorf("Service %s leads to the port %s", o.Name, p.TargetPort.StrVal)
				}
			}
		case *policies.PodDisruptionBudget:
			selectors["PodDisruptionBudget"] = o.Spec.Selector
		case *networking.NetworkPolicy:
			selectors["NetworkPolicy"] = &o.Spec.PodSelector
		case *core.Pod:
			others = append(others, o.Labels)
		}
	}
	other := labels.Set(maps.Clone(w.template.Labels))
	other["app.kubernetes.io/instance"] = release + "2"
	others = append(others, other)
	for what, s := range selectors {
		selector, err := machinery.LabelSelectorAsSelector(s)
		if err != nil {
			t.Fatal(err)
		}
		if !selector.Matches(labels.Set(w.template.Labels)) {
			t.Errorf("%s: %s does not choose %v", what, selector, w.template.Labels)
		}
		for _, o := range others {
			if selector.Matches(o) {
				t.Errorf("%s: %s chooses %v, too", what, selector, o)
			}
		}
	}
	for _, o := range all {
		switch o := o.(type) {
		case *networking.Ingress:
			for _, r := range o.Spec.Rules {
				b := r.HTTP.Paths[0].Backend.Service
				if s := services[b.Name]; s == nil || s.Spec.Ports[0].Port != b.Port.Number {
					t.Errorf("the Ingress leads to %s:%d", b.Name, b.Port.Number)
				}
			}
		case *monitoring.ServiceMonitor:
			found := 0
			for _, s := range services {
				if selector, err := machinery.LabelSelectorAsSelector(&o.Spec.Selector); err == nil && selector.Matches(labels.Set(s.Labels)) {
					found++
				}
			}
			if found != 1 {
				t.Errorf("the ServiceMonitor chooses %d Services", found)
			}
		}
	}
}
