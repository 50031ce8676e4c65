# The minimirror program's own image: it carries no packages. "minimirror build"
# needs no Docker; this is for those who keep their tools as images.
#
#   docker build -t minimirror --build-arg "VERSION=$(release/version.sh)" .
#   docker run --rm -v "$PWD/out/docker:/image:ro" -p 8080:8080 minimirror serve --image oci:/image
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.stated=$VERSION" -o /minimirror ./cmd/minimirror

FROM scratch
COPY --from=build /minimirror /minimirror
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/minimirror"]
