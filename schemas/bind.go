package schemas

// Bind is the generated bind.cue of a spec repository. A pattern keeps each entry
// closed at every depth; an embedded struct would open it again. The last lines
// close the top level for cue v0.17 and later; `havn check` does so anyway.
func Bind(pkg string) string {
	return `// Written by havn init. It binds every service, route and volume to the schema.

package ` + pkg + `

import "havn.internal/schemas/v1"

services: [N=string]: v1.#Service & {name: N}
routes: [N=string]: v1.#Route & {name: N}
volumes: [N=string]: v1.#Volume & {name: N}

close({v1.#Site})
`
}
