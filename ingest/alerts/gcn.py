def notice_of(text, reader):
    raise NotImplementedError
