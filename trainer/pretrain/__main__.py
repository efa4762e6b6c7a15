"""`python -m trainer.pretrain`: pretrains the embedded backbone; `trainer.pretrain.command` says how."""

from trainer.pretrain.command import main

if __name__ == "__main__":
    main()
