import Checks
for items in [operatorChecks(), gradientChecks(), theoryChecks()] { for i in items { print(i.ok ? "ok  " : "FAIL", i.error, i.tolerance, i.name) } }
