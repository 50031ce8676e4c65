// Package audit is the server's trail: one line for each request, and what the lines of a
// period tell together. It knows no format of items.
//
//	request ──Record──▶ Log (a file of lines) ──Read──▶ Summary ──▶ Report
//	                └─▶ Summary, kept by the server ──────────────▶ Report
//
// A line is a JSON object (RFC 8259) of at most MaxLine bytes, its newline included, whose
// texts have only printable characters: whatever a client sends, a line is one line, and harmless on a
// terminal. In a regular file it is written at once, behind what is there, and on one page: spaces before it fill the
// page before. So it is whole even when the process is killed. In a pipe it is not mixed with what others write there
// (pipe(7), PIPE_BUF). The keys, in their order; those marked with * are
// left out when empty:
//
//	time          when the request came, UTC (RFC 3339, microseconds)
//	client        address of the client, without port; "" when it has none
//	user*         name that the client has proved, or tried to
//	agent*        User-Agent of the request
//	method        of the request
//	path          of the request, decoded, without query
//	status        of the answer (RFC 9110, section 15); 0: none was sent
//	kind*         of the item, or to which the path belongs
//	artifact*     ID of the item, "SOURCE/PATH"
//	name*         of the item; when it is missing, as far as the path tells it
//	version*      likewise
//	architecture* likewise
//	channel*      whose state the client has read, "SOURCE/NAME": see artifact.Channel
//	verdict       see Verdict
//	rule*         that decided: its place in the file of rules
//	reason*       why it was denied, refused, or failed
//	bytes         of the answer's body that were sent
//	size*         of the item: when bytes are fewer, the client got a part, or went away
//	duration      from the request to the end of the answer, in seconds
//	id            of the request
//
// A text that is too long ends in "…". Bytes that are not UTF-8 became U+FFFD. Readers
// ignore keys that they do not know: later versions may add some.
package audit
