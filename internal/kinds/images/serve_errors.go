package images

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

const jsonType = "application/json"

// By this field, Docker recognizes a registry with the current API.
const (
	versionHeader = "Docker-Distribution-Api-Version"
	versionValue  = "registry/2.0"
)

// errorBody is the body of an answer with an error: OCI distribution specification 1.1, "Error Codes".
func errorBody(code, message string) []byte {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	return encode(struct {
		Errors []one `json:"errors"`
	}{[]one{{code, message}}})
}

// encode encodes a value that JSON can always represent.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(data, '\n')
}

// FormatError implements artifact.ErrorFormatter.
func (Kind) FormatError(header http.Header, r *http.Request, status int, text string) []byte {
	header.Del(digestHeader)
	header.Set("Content-Type", jsonType)
	header.Set(versionHeader, versionValue)
	message := strings.ReplaceAll(text, "\n", "; ")
	switch status {
	case http.StatusUnauthorized:
		return errorBody("UNAUTHORIZED", message)
	case http.StatusForbidden:
		return errorBody("DENIED", message)
	case http.StatusMethodNotAllowed:
		return errorBody("UNSUPPORTED", message)
	case http.StatusTooManyRequests:
		return errorBody("TOOMANYREQUESTS", message)
	case http.StatusRequestedRangeNotSatisfiable: // the code is that of Docker's registry: the specification has none
		return errorBody("RANGE_INVALID", message)
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return errorBody("UNAVAILABLE", message)
	case http.StatusNotFound:
		return errorBody(absence(r, message))
	}
	return errorBody("UNKNOWN", message)
}

// absence is what to say of a request for something that is not carried.
func absence(r *http.Request, message string) (code, text string) {
	e := parseEndpoint(r.URL.Path)
	code = "NAME_UNKNOWN"
	switch e.call {
	case callManifests:
		code = "MANIFEST_UNKNOWN"
	case callBlobs:
		code = "BLOB_UNKNOWN"
	}
	name := wantedName(&e, namespaceOf(r.URL.RawQuery, r.Host))
	switch {
	case name == "":
		return code, message
	case e.reference != "" && isReference(e.reference):
		name = versioned(name, e.reference)
	}
	return code, name + " is not in this mirror"
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	w.Header().Set(versionHeader, versionValue)
	write(w, r, status, jsonType, errorBody(code, message))
}

// writeJSON answers with a document that is made for the request.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, mediaType string, v any) {
	write(w, r, status, mediaType, encode(v))
}

// write answers with a body that no cache keeps: it depends on the rules and the client.
func write(w http.ResponseWriter, r *http.Request, status int, mediaType string, body []byte) {
	text := artifact.Printable(string(body))
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(text))
	}
}
