#!/bin/sh
# What Snakemake asks of a job: running, success or failed. A query that fails says nothing of the job: it is asked again.
status=$(bjobs -noheader -o stat "$1" 2>&1) || case "$status" in *"is not found"*) ;; *) status=UNKWN ;; esac
case "$status" in
    DONE) echo success ;;
    EXIT | ZOMBI | *"is not found"*) echo failed ;;
    *) echo running ;;
esac
