// Package nginx drives one nginx from a [plan.Table]. It is the only package that
// knows nginx: how a configuration is written so that no value in it can be
// anything but a value, how one generation replaces another without a request
// lost, and how it is known that the old one is gone.
//
// The configuration is a pure function of the table, so equal tables are equal
// bytes and no reload. `nginx -t` and the exit code of a reload prove nothing
// (a taken port, a changed zone key and others pass both and do not take effect);
// a generation is in force when nginx itself answers with its number.
//
// Rule of the package: nginx runs beside havn, never under it. What is confirmed
// is on disk, and nginx serves it after any crash or reboot without havn.
package nginx
