package chart

import (
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	machinery "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// TestMatrix renders each value set as two releases, one of which has a name that is as long as helm allows, begins
// with a digit and has dots, and checks what comes out against what is promised of every rendering.
func TestMatrix(t *testing.T) {
	if len(matrix) < 30 || len(refused) < 15 {
		t.Errorf("%d value sets and %d wrong ones are too few", len(matrix), len(refused))
	}
	for _, test := range matrix {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			names := map[string]bool{}
			for _, release := range []string{"site", "1.a-release-of-the-longest-name-that-helm-allows-is53"} {
				manifests, err := template(t, release, test.values)
				if err != nil {
					t.Fatal(err)
				}
				all := decode(t, manifests)
				w := onlyWorkload(t, all)
				checkObjects(t, all, release)
				checkSecurity(t, w, all)
				checkWorkload(t, w, all)
				checkSelectors(t, w, all, release)
				for _, o := range all {
					key := o.GetObjectKind().GroupVersionKind().Kind + " " + name(o)
					if names[key] && !strings.Contains(test.values, "fullnameOverride") && !strings.Contains(test.name, "named") {
						t.Errorf("two releases have %s", key)
					}
					names[key] = true
				}
			}
		})
	}
}

// A workload is what runs the server's pods.
type workload struct {
	selector *machinery.LabelSelector
	template core.PodTemplateSpec
	daemon   bool
	name     string
}

func (w *workload) container() *core.Container { return &w.template.Spec.Containers[0] }

func onlyWorkload(t *testing.T, all []runtime.Object) (w *workload) {
	t.Helper()
	for _, o := range all {
		var found *workload
		switch o := o.(type) {
		case *apps.Deployment:
			found = &workload{o.Spec.Selector, o.Spec.Template, false, o.Name}
		case *apps.DaemonSet:
			found = &workload{o.Spec.Selector, o.Spec.Template, true, o.Name}
		default:
			continue
		}
		if w != nil {
			t.Fatal("two workloads")
		}
		w = found
	}
	if w == nil {
		t.Fatal("no workload")
	}
	return w
}

// checkObjects: names that the cluster takes, the namespace, the recommended labels.
func checkObjects(t *testing.T, all []runtime.Object, release string) {
	t.Helper()
	seen := map[string]bool{}
	for _, o := range all {
		m, _ := meta.Accessor(o)
		kind := o.GetObjectKind().GroupVersionKind().Kind
		if seen[kind+m.GetName()] {
			t.Errorf("two of %s %s", kind, m.GetName())
		}
		seen[kind+m.GetName()] = true
		for _, problem := range validation.NameIsDNS1035Label(m.GetName(), false) { // the narrowest: a Service's
			t.Errorf("%s %q: %s", kind, m.GetName(), problem)
		}
		if m.GetNamespace() != "site" {
			t.Errorf("%s %s: namespace %q", kind, m.GetName(), m.GetNamespace())
		}
		for _, key := range []string{"app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
			if m.GetLabels()[key] == "" {
				t.Errorf("%s %s has no label %s", kind, m.GetName(), key)
			}
		}
		if got := m.GetLabels()["app.kubernetes.io/instance"]; got != release {
			t.Errorf("%s %s: instance %q", kind, m.GetName(), got)
		}
		for key, value := range m.GetLabels() {
			for _, problem := range append(utilvalidation.IsQualifiedName(key), utilvalidation.IsValidLabelValue(value)...) {
				t.Errorf("%s %s: label %s=%s: %s", kind, m.GetName(), key, value, problem)
			}
		}
		if _, ok := o.(*core.PersistentVolumeClaim); ok {
			t.Error("a claim of a volume")
		}
	}
}

// checkSecurity judges every pod as the cluster's own admission does.
func checkSecurity(t *testing.T, w *workload, all []runtime.Object) {
	t.Helper()
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(m *machinery.ObjectMeta, pod core.PodSpec) {
		pod = *pod.DeepCopy()
		if w.daemon { // at a host port, which the restricted level forbids
			for i := range pod.Containers {
				for j := range pod.Containers[i].Ports {
					pod.Containers[i].Ports[j].HostPort = 0
				}
			}
		}
		for _, r := range judge.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, m, &pod) {
			if !r.Allowed {
				t.Errorf("restricted: %s: %s", r.ForbiddenReason, r.ForbiddenDetail)
			}
		}
		if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
			t.Error("the pod gets a token")
		}
		for i := range pod.Containers {
			c := pod.Containers[i].SecurityContext
			if c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem || !slices.Equal(c.Capabilities.Drop, []core.Capability{"ALL"}) || len(c.Capabilities.Add) > 0 {
				t.Errorf("container %s: %+v", pod.Containers[i].Name, c)
			}
		}
	}
	check(&w.template.ObjectMeta, w.template.Spec)
	for _, o := range all {
		switch o := o.(type) {
		case *core.Pod:
			check(&o.ObjectMeta, o.Spec)
		case *core.ServiceAccount:
			if o.AutomountServiceAccountToken == nil || *o.AutomountServiceAccountToken {
				t.Error("the service account gives tokens")
			}
		}
	}
}

// checkWorkload: probes at ports that are there, an end that waits for downloads, whole folders of files.
func checkWorkload(t *testing.T, w *workload, all []runtime.Object) {
	t.Helper()
	pod, c := w.template.Spec, w.container()
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
		if (p.HostPort != 0) != (w.daemon && p.Name == "mirror") {
			t.Errorf("port %s at the host's %d", p.Name, p.HostPort)
		}
	}
	for path, probe := range map[string][]*core.Probe{"/healthz": {c.StartupProbe, c.LivenessProbe}, "/readyz": {c.ReadinessProbe}} {
		for _, p := range probe {
			if p == nil || p.HTTPGet == nil || p.HTTPGet.Path != path || ports[p.HTTPGet.Port.StrVal] == 0 {
				t.Errorf("probe of %s: %+v", path, p)
			}
		}
	}
	flags := flagsOf(t, c)
	grace, _, _ := strings.Cut(flags["grace"], "s")
	if sleep := c.Lifecycle.PreStop.Sleep.Seconds; *pod.TerminationGracePeriodSeconds <= sleep || grace == "" ||
		*pod.TerminationGracePeriodSeconds-sleep <= number(t, grace) {
		t.Errorf("%d s until the end: preStop takes %d s, --grace %s", *pod.TerminationGracePeriodSeconds, sleep, flags["grace"])
	}
	made := map[string]bool{}
	for _, o := range all {
		made[o.GetObjectKind().GroupVersionKind().Kind+" "+name(o)] = true
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		own := func(kind, object string) {
			if strings.HasPrefix(object, w.name+"-") && !made[kind+" "+object] {
				t.Errorf("nobody makes the %s %s", kind, object)
			}
		}
		switch {
		case v.ConfigMap != nil:
			own("ConfigMap", v.ConfigMap.Name)
		case v.Secret != nil:
			own("Secret", v.Secret.SecretName)
		case v.Name == "cache" && v.EmptyDir != nil:
			if v.EmptyDir.SizeLimit.Value() <= number(t, strings.TrimSuffix(flags["cache-size"], "G"))<<30 {
				t.Errorf("the volume of the cache has %s, --cache-size=%s", v.EmptyDir.SizeLimit, flags["cache-size"])
			}
		default:
			t.Errorf("volume %s is neither of a ConfigMap nor of a Secret", v.Name)
		}
	}
	folders := map[string]bool{}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] || m.ReadOnly == (m.Name == "cache") || m.SubPath != "" {
			t.Errorf("mount %+v", m)
		}
		folders[m.MountPath] = true
	}
	for flag, value := range flags {
		if strings.HasPrefix(value, "/etc/") && !folders[value[:strings.LastIndex(value, "/")]] {
			t.Errorf("--%s=%s is mounted nowhere", flag, value)
		}
	}
}
