# For those who run Snakemake by hand; "make import" does this step without it.


rule publish:
    input:
        "collection.json",
    output:
        touch("published"),
    log:
        "logs/import.log",
    params:
        km3vo=KM3VO,
        release=PLAN["release"],
    localrule: True
    container:
        config["container"]
    shell:
        "{params.km3vo} import --release {params.release} --converted . > {log} 2>&1"
