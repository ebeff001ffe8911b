// Package contract says what havn relies on in the machines it drives, as tests
// that run on the real ones and on those in memory. A plan that converges in the
// model converges on a host because both keep the contract.
//
// Rule of the package: a test asks only for what the planner or the loop needs,
// and never knows which host it runs on.
package contract
