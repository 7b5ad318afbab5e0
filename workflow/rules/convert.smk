# One job for each delivered file, or for several if there are very many.


rule convert:
    input:
        "jobs/{job}.json",
    output:
        "done/{job}.json",
    log:
        "logs/{job}.log",
    params:
        km3vo=KM3VO,
        engine=f"Snakemake {snakemake_version}",
        fetch=FETCH,
    container:
        config["container"]
    resources:
        mem_mb=1000,
        runtime=240,
    retries: 1
    shell:
        "{params.km3vo} workflow convert . {wildcards.job} --engine {params.engine:q}"
        " --fetch {params.fetch:q} > {log} 2>&1"


rule collect:
    input:
        expand("done/{job}.json", job=JOBS),
    output:
        "collection.json",
    log:
        "logs/collect.log",
    params:
        km3vo=KM3VO,
        leave_out="--leave-out" if config["leave_out"] else "",
    container:
        config["container"]
    resources:
        mem_mb=2000,
        runtime=240,
    shell:
        "{params.km3vo} workflow collect . {params.leave_out} > {log} 2>&1"
