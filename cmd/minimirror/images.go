package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/minimirror/minimirror/internal/kinds/images/imagelist"
)

const imagesHelp = `usage: minimirror images from FILE…

Lists the container images that other programs' files name, as the images section of
a definition, ready to be pasted into mirror.yaml. FILE is one of:

  a Helm chart          a folder or a package (.tgz). If there is a helm on the PATH, it
                        renders the chart, with the values of --values; otherwise, or
                        with --static, the images are those that values.yaml names, and
                        the templates that name one without a value
  Kubernetes manifests  YAML or JSON, any number of documents in a file, a folder,
                        or the output of kubectl kustomize, helm template, kubectl get -o
                        yaml: pods and workloads, custom resources with fields for
                        images, images in arguments, variables and ConfigMaps
  a compose file        variables are replaced by their defaults
  a list                an image on each line, such as the output of
                        "kubeadm config images list"
  -                     standard input, with any of these

Names are completed as container runtimes do: nginx is docker.io/library/nginx:latest.
If the value of an image field is not an image name, such as a template or a variable,
it is not in the list, and a warning on standard error names it. The exit code is 1 if
no image is found.

Examples:
  minimirror images from ingress-nginx-4.11.2.tgz --values site.yaml
  kubeadm config images list | minimirror images from -
  kubectl kustomize overlays/site | minimirror images from -
  minimirror images from charts/web manifests/ compose.yaml >>mirror.yaml
`

func imagesVerb(ctx context.Context, c *command, args []string) error {
	output := c.flags.String("format", "text", "what to print: text or json, with where each image was found")
	values := c.flags.StringArray("values", nil, "file with values for charts; may be repeated: later files override earlier ones")
	static := c.flags.Bool("static", false, "read the values of charts instead of rendering them")
	if err := c.parseMore(args, imagesHelp, 2); err != nil {
		return err
	}
	if word := c.flags.Arg(0); word != "from" {
		return c.wrongUsage("unknown command \"images %s\"", word)
	}
	if err := format(*output); err != nil {
		return err
	}
	list, err := imagelist.Find(ctx, c.flags.Args()[1:], imagelist.Options{Stdin: os.Stdin, Values: *values, Static: *static})
	if err != nil {
		return err
	}
	for _, note := range list.Notes {
		fmt.Fprintf(c.stderr, "note: %s\n", note)
	}
	for _, warning := range list.Warnings() {
		fmt.Fprintf(c.stderr, "warning: %s\n", warning)
	}
	if *output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(list); err != nil {
			return err
		}
		return list.Check()
	}
	if err := list.Check(); err != nil {
		return err
	}
	_, err = io.WriteString(c.stdout, list.Section())
	return err
}
