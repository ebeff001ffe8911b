package docker

import (
	"encoding/json"
	"maps"
	"net/netip"
	"strconv"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Labels set at creation. They are data, never commands.
const (
	labelSite        = "havn.site"
	labelName        = "havn.name"
	labelRole        = "havn.role"
	labelService     = "havn.service"
	labelFingerprint = "havn.fingerprint"
	labelRevision    = "havn.revision"
	labelSlot        = "havn.slot"
	labelAddr        = "havn.addr"
	labelRelease     = "havn.release"
)

const (
	roleReplica = "replica"
	roleGateway = "gateway"
)

// replicaLabels are the labels of the replica that a starts. The engine adds those of
// the image, of which the ones that other tools act on are emptied.
func replicaLabels(site string, a plan.Start, w plan.Word) (map[string]string, error) {
	release, err := json.Marshal(a.Release.Stored())
	if err != nil {
		return nil, err
	}
	labels := maps.Clone(a.Release.Service.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for _, name := range w.Labels {
		if _, said := labels[name]; !said {
			labels[name] = ""
		}
	}
	maps.Copy(labels, map[string]string{
		labelSite:        site,
		labelName:        a.Name,
		labelRole:        roleReplica,
		labelService:     a.Release.Service.Name,
		labelFingerprint: string(a.Fingerprint),
		labelRevision:    a.Revision,
		labelSlot:        strconv.Itoa(a.Slot),
		labelAddr:        a.Addr.String(),
		labelRelease:     string(release),
	})
	return labels, nil
}

// unreadable is a replica that another havn made.
const unreadable = "a replica of this site with labels this havn can't read"

// identity reads a replica's labels back; false if they are not whole.
func identity(labels map[string]string) (plan.Container, bool) {
	c := plan.Container{
		Name: labels[labelName], Service: labels[labelService],
		Fingerprint: spec.Fingerprint(labels[labelFingerprint]), Revision: labels[labelRevision],
	}
	var err error
	if c.Slot, err = strconv.Atoi(labels[labelSlot]); err != nil {
		return c, false
	}
	if c.Addr, err = netip.ParseAddr(labels[labelAddr]); err != nil {
		return c, false
	}
	if err = json.Unmarshal([]byte(labels[labelRelease]), &c.Release); err != nil {
		return c, false
	}
	return c, c.Service != "" && c.Fingerprint != ""
}
